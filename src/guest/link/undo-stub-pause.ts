import { GdbClient } from '../../../protocols/gdb/index.ts';
import { parseInfoStatus, QmpBusyError, QmpProtocolError } from '../../../protocols/qmp/index.ts';
import { GuestUsageError } from '../errors.ts';

/** QEMU up to 8.0 greets so when it was the connection that stopped the guest; from a paused guest there is no greeting. */
const STOP_REPLY = /^\+?\$T[0-9a-f]{2}/;

/** A stub answers at once; a peer that does not is a monitor that serves another client. */
const PROBE_TIMEOUT_MS = 1000;

/** A stub of QEMU 10 says nothing to a client that waits for a greeting, just like a monitor that is in use. */
function mayBeStub(error: unknown): boolean {
  return error instanceof QmpBusyError || (error instanceof QmpProtocolError && STOP_REPLY.test(error.received));
}

/**
 * The GDB stub was given as the QMP socket, and connecting has paused the guest: resumes it.
 *
 * @param error - of the attempt to speak QMP
 * @returns the error to tell: the given one, unless it was this
 * @internal
 */
export async function undoStubPause(endpoint: string, timeoutMs: number, error: unknown): Promise<unknown> {
  if (!mayBeStub(error)) return error;
  try {
    await runAgain(endpoint, timeoutMs);
  } catch {
    // The given error says that the guest is paused.
    return error;
  }
  return new GuestUsageError(
    `${endpoint} was given as the QMP endpoint but is a GDB stub. Connecting to it paused the guest, which has been resumed`,
    { cause: error },
  );
}

async function runAgain(endpoint: string, timeoutMs: number): Promise<void> {
  const gdb = await GdbClient.open(endpoint, {
    timeoutMs,
    handshakeTimeoutMs: Math.min(timeoutMs, PROBE_TIMEOUT_MS),
  });
  try {
    // Another run state than plainly paused was there before us.
    if (parseInfoStatus(await gdb.monitor('info status')).status === 'paused') await gdb.monitor('cont');
  } finally {
    await gdb.close();
  }
}
