import type { Guest, PausedGuest } from '../guest/index.ts';
import type { CliContext } from './command.ts';
import type { GuestOptions } from './guest-options.ts';
import { TraceFile } from './trace-file.ts';

/**
 * One attach, one pause: attaches to the guest, pauses it, runs `use`, and leaves the guest as it was found before the
 * result is given back. When the context's signal fires the guest is left at once, under whatever `use` is doing; `use` then
 * fails for want of a connection, and the signal's reason is thrown.
 *
 * @throws {@link TraceFileError} before anything is connected; GuestCpuError before the pause; the errors of the guest layer; an AggregateError when leaving
 * the guest failed after something else had.
 * @internal
 */
export async function withGuest<T>(
  options: GuestOptions,
  context: CliContext,
  use: (paused: PausedGuest, guest: Guest) => Promise<T>,
): Promise<T> {
  const trace = options.traceFile === undefined ? undefined : new TraceFile(options.traceFile);
  try {
    return await attachAndUse(options, context.signal, trace, use);
  } finally {
    const complaint = trace?.close();
    if (complaint !== undefined) context.complain(`pagewalk: ${complaint}`);
  }
}

async function attachAndUse<T>(
  { qmp, gdb, cpu, timeoutMs }: GuestOptions,
  signal: AbortSignal,
  trace: TraceFile | undefined,
  use: (paused: PausedGuest, guest: Guest) => Promise<T>,
): Promise<T> {
  const { attach } = await import('../guest/index.ts');
  const guest = await attach({
    ...(qmp === undefined ? {} : { qmp }),
    ...(gdb === undefined ? {} : { gdb }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(trace ? { trace: trace.sink } : {}),
    signal,
  }).catch((error: unknown) => {
    throw reasonOf(signal, error);
  });
  // What detaching has to say is heard below, where it is waited for.
  const leave = () => void guest.detach().catch(() => {});
  signal.addEventListener('abort', leave);
  let result: T;
  try {
    signal.throwIfAborted();
    guest.requireCpu(cpu);
    result = await use(await guest.pause(), guest);
  } catch (error) {
    const reason = reasonOf(signal, error);
    await guest.detach().catch((leaving: unknown) => {
      throw new AggregateError([reason, leaving]);
    });
    throw reason;
  } finally {
    signal.removeEventListener('abort', leave);
  }
  await guest.detach();
  signal.throwIfAborted();
  return result;
}

/** Once the signal has fired, whatever fails does so for that reason. */
function reasonOf(signal: AbortSignal, error: unknown): unknown {
  return signal.aborted ? signal.reason : error;
}
