import type { GuestView, OpenGuest } from '../../guest/index.ts';
import { TraceFile } from '../io/trace-file.ts';
import type { CliContext } from '../options/command.ts';
import type { GuestOptions } from '../options/guest-options.ts';
import type { Until } from '../options/moment/until.ts';
import type { ScopeOptions } from '../options/scope-options.ts';
import type { OpenOptions } from '../options/sources/named-guest.ts';
import { listKernels } from './names/kernel-folder.ts';

/** A question that is asked before the guest is paused for it, of one that is a script: what it answers does not matter. @internal */
export type Rehearsal = (view: GuestView) => Promise<unknown>;

/** How a guest is looked at. @internal */
export interface ViewOptions extends Pick<ScopeOptions, 'live' | 'hostMemory'>, Pick<OpenOptions, 'unneeded'> {
  /** What the question runs, without what it leaves behind. */
  readonly rehearsal?: Rehearsal;
}

/**
 * One look: opens the guest, pauses it unless it is asked live, runs `use`, and leaves the guest as it was found
 * before the result is given back. A pause that another client ended in the middle is made again, once, if `mayRepeat` says so.
 *
 * @throws as {@link withOpened}; GuestMemoryError when memory cannot be read while the guest runs.
 * @internal
 */
export function withView<T>(
  options: GuestOptions,
  view: ViewOptions,
  context: CliContext,
  use: (view: GuestView, guest: OpenGuest) => Promise<T>,
  mayRepeat: () => boolean = () => true,
): Promise<T> {
  const rehearsal = view.live ? undefined : view.rehearsal;
  return withOpened(options, view, context, (guest) => viewOnce(guest, view, use, mayRepeat), rehearsal);
}

/**
 * One look at a guest that we stay attached to. What paused it lets it run again: `guest.running.resume()`, or leaving it.
 *
 * @internal
 */
export async function viewOnce<T>(
  guest: OpenGuest,
  { live }: Pick<ViewOptions, 'live'>,
  use: (view: GuestView, guest: OpenGuest) => Promise<T>,
  mayRepeat: () => boolean = () => true,
): Promise<T> {
  const { running } = guest;
  if (live && running) {
    using view = running.live();
    return await use(view, guest);
  }
  return useOnePause(guest, use, mayRepeat);
}

/** So often a pause is made that another client ends. */
const MAX_PAUSES = 2;

/**
 * Whatever fails while another client resumes the guest does so for that reason, in the first pause as in the last: the stub of
 * a guest that runs answers anything, or nothing.
 */
async function useOnePause<T>(
  guest: OpenGuest,
  use: (paused: GuestView, guest: OpenGuest) => Promise<T>,
  mayRepeat: () => boolean,
): Promise<T> {
  for (let pauses = 1; ; pauses += 1) {
    try {
      return await use(await guest.look(), guest);
    } catch (error) {
      const resumption = await guest.running?.findResumption();
      if (resumption === undefined) throw error;
      // A pause that was too long would be again.
      const isByOthers = 'code' in resumption && resumption.code === 'ERR_GUEST_RESUMED';
      if (!isByOthers || pauses === MAX_PAUSES || !mayRepeat()) throw resumption;
      await guest.running?.resume();
    }
  }
}

/**
 * Opens the guest, runs `use`, and leaves the guest as it was found before the result is given back. When the context's
 * signal fires the guest is left at once, under whatever `use` is doing; `use` then fails for want of a connection, and the
 * signal's reason is thrown.
 *
 * @throws {@link TraceFileError} before anything is connected; GuestCpuError before the pause; the errors of the guest layer;
 * an AggregateError when leaving the guest failed after something else had.
 * @internal
 */
export async function withOpened<T>(
  options: GuestOptions,
  {
    hostMemory,
    unneeded = {},
    live,
    allowWrites = false,
  }: Pick<OpenOptions, 'hostMemory' | 'unneeded' | 'live' | 'allowWrites'>,
  context: CliContext,
  use: (guest: OpenGuest) => Promise<T>,
  rehearsal?: Rehearsal,
): Promise<T> {
  const trace = options.traceFile === undefined ? undefined : new TraceFile(options.traceFile);
  try {
    const how = { hostMemory, unneeded, live, allowWrites, trace: trace?.sink, rehearsal };
    return await openAndUse(options, how, context, use);
  } finally {
    const complaint = trace?.close();
    if (complaint !== undefined) context.complain(`pagewalk: ${complaint}`);
  }
}

async function openAndUse<T>(
  { source, cpu, until }: GuestOptions,
  how: Omit<OpenOptions, 'signal'>,
  context: CliContext,
  use: (guest: OpenGuest) => Promise<T>,
): Promise<T> {
  const { signal, complain } = context;
  // Whether names will be asked for is not known yet, and a folder is nothing to read while a guest is paused.
  listKernels(context.environment);
  const guest = await source.open({ ...how, signal }).catch((error: unknown) => {
    throw reasonOf(signal, error);
  });
  const recoveries = guest.running?.recoveries ?? [];
  if (recoveries.length > 0) {
    const { describeRecovery } = await import('../../report/internal.ts');
    for (const recovery of recoveries) complain(`pagewalk: ${describeRecovery(recovery)}`);
  }
  // What detaching has to say is heard below, where it is waited for.
  const leave = () => void guest.detach().catch(() => {});
  signal.addEventListener('abort', leave);
  let result: T;
  try {
    signal.throwIfAborted();
    guest.requireCpu(cpu);
    result = await use(until === undefined ? guest : await waiting(guest, until, cpu, context));
  } catch (error) {
    const { leaveAfter } = await import('../../guest/internal.ts');
    return await leaveAfter(reasonOf(signal, error), () => guest.detach());
  } finally {
    signal.removeEventListener('abort', leave);
  }
  await guest.detach();
  signal.throwIfAborted();
  return result;
}

async function waiting(guest: OpenGuest, until: Until, cpu: number, context: CliContext): Promise<OpenGuest> {
  const { waitingGuest } = await import('./look-until.ts');
  return waitingGuest(guest, until, cpu, context);
}

/** Once the signal has fired, whatever fails does so for that reason. */
function reasonOf(signal: AbortSignal, error: unknown): unknown {
  return signal.aborted ? signal.reason : error;
}
