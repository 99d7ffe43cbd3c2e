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

async function runAgain(endpoint: string, timeoutMs: number, isSilent: boolean): Promise<string> {
  const times = { timeoutMs, handshakeTimeoutMs: Math.min(timeoutMs, PROBE_TIMEOUT_MS) };
  const open = (): Promise<GdbClient> => GdbClient.open(endpoint, times);
  return leaveByMistake(await open(), !isSilent, open);
}

/**
 * Leaves a stub to which a connection was made by mistake, which pauses a guest that runs. Where it cannot be told it is taken to have run.
 *
 * @param hasGreeted - with a stop reply
 * @param open - connects again
 * @returns what became of the guest, in words
 * @internal
 */
export async function leaveByMistake(
  gdb: GdbClient,
  hasGreeted: boolean,
  open: () => Promise<GdbClient>,
): Promise<string> {
  try {
    const { status } = parseInfoStatus(await gdb.monitor('info status'));
    const greets = greetsWithStop(parseInfoVersion(await gdb.monitor('info version')));
    const wasPaused = greets && !hasGreeted;
    // Another run state than plainly paused was there before us.
    if (status !== 'paused' || wasPaused) return `The guest is ${status}, as it was before`;
    const resumed = await resumeByStub(gdb);
    if (resumed.kind === 'refused') throw new Error(resumed.complaint);
    const doubt = greets || hasGreeted ? '' : ', if it ran before: this QEMU does not tell';
    if (resumed.kind === 'runs') return `Connecting to it paused the guest, which has been resumed${doubt}`;
  } finally {
    await gdb.close();
  }
  // A fresh connection stops it.
  await (await open()).close();
  return 'Another client has migrated the guest away meanwhile: it is paused, and not to be resumed here';
}
