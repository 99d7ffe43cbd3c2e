import { addAbortSignal } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import split2 from 'split2';
import { connect, duplexOf } from '../../../protocols/transport/internal.ts';

const POLL_MS = 10;

/**
 * Waits until QEMU's main loop serves a QMP socket. The greeting does not prove that: a monitor greets while the machine
 * is still being built and other sockets do not exist yet. The reply to a command does.
 *
 * @internal
 */
export async function awaitMonitor(
  endpoint: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<'answered' | 'timed-out'> {
  const deadline = Date.now() + timeoutMs;
  while (Date.now() < deadline && !signal.aborted) {
    const remaining = AbortSignal.timeout(Math.max(1, deadline - Date.now()));
    if (await isAnswering(endpoint, AbortSignal.any([signal, remaining]))) return 'answered';
    await delay(POLL_MS);
  }
  return 'timed-out';
}

async function isAnswering(endpoint: string, signal: AbortSignal): Promise<boolean> {
  try {
    const connection = await connect(endpoint, { timeoutMs: 60_000, signal });
    try {
      duplexOf(connection).write('{"execute":"qmp_capabilities"}\n');
      for await (const line of addAbortSignal(signal, duplexOf(connection).pipe(split2()))) {
        if (String(line).includes('"return"')) return true;
      }
      return false;
    } finally {
      await connection.close();
    }
  } catch {
    // No socket yet, or no process behind it yet. If QEMU has failed, its exit says so.
    return false;
  }
}
