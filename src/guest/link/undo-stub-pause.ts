import { GdbClient } from '../../../protocols/gdb/index.ts';
import { parseInfoStatus, parseInfoVersion, QmpBusyError, QmpProtocolError } from '../../../protocols/qmp/index.ts';
import { GuestUsageError } from '../errors.ts';
import { greetsWithStop } from '../restore/greets-with-stop.ts';
import { resumeByStub } from '../resume/resume-by-stub.ts';

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
    const outcome = await runAgain(endpoint, timeoutMs, error instanceof QmpBusyError);
    return new GuestUsageError(`${endpoint} was given as the QMP endpoint but is a GDB stub. ${outcome}`, {
      cause: error,
    });
  } catch {
    // The given error says that the guest is paused.
    return error;
  }
}

/** @returns what became of the guest, in words */
async function runAgain(endpoint: string, timeoutMs: number, isSilent: boolean): Promise<string> {
  const times = { timeoutMs, handshakeTimeoutMs: Math.min(timeoutMs, PROBE_TIMEOUT_MS) };
  const gdb = await GdbClient.open(endpoint, times);
  try {
    const { status } = parseInfoStatus(await gdb.monitor('info status'));
    const wasPaused = isSilent && greetsWithStop(parseInfoVersion(await gdb.monitor('info version')));
    // Another run state than plainly paused was there before us.
    if (status !== 'paused' || wasPaused) return `The guest is ${status}, as it was before`;
    const resumed = await resumeByStub(gdb);
    if (resumed.kind === 'refused') throw new Error(resumed.complaint);
    if (resumed.kind === 'runs') return 'Connecting to it paused the guest, which has been resumed';
  } finally {
    await gdb.close();
  }
  // A fresh connection stops it.
  await (await GdbClient.open(endpoint, times)).close();
  return 'Another client has migrated the guest away meanwhile: it is paused, and not to be resumed here';
}
