import { setTimeout as sleep } from 'node:timers/promises';
import type { Assumption, OpenGuest } from '../../../guest/index.ts';
import type { MappedLeaf } from '../../../paging/index.ts';
import { chooseStyle } from '../../io/choose-style.ts';
import type { CliContext } from '../../options/command.ts';
import { toTranslateScope } from '../../options/scope-options.ts';
import { complainOfAssumed } from '../../session/complain-of-assumed.ts';
import { strictStatus, UNSURE } from '../../session/strict-status.ts';
import { withOpened } from '../../session/with-guest.ts';
import { ClearedBits } from './cleared-bits.ts';
import { NAME, type WatchCommandLine } from './parse-watch.ts';
import { type WatchedMoment, WatchedPlace } from './watched-place.ts';

/** Nothing was watched, or not to the end. */
const INCOMPLETE = 1;

/**
 * Clears the accessed bits of pages, lets the guest run, and looks which are set: again and again. In the end the bits are put back.
 *
 * @param mostPages - so many are watched at once
 * @returns the exit status
 * @internal
 */
export async function watchGuest(line: WatchCommandLine, context: CliContext, mostPages?: number): Promise<number> {
  // What is wrong with the question is found before anything is connected.
  await toTranslateScope(line.scope, line.guest.cpu, NAME);
  const cleared = new ClearedBits(line.clearsDirty);
  // From the first bit on a signal ends the rounds alone, as bits are then put back before the guest is left.
  const leave = new AbortController();
  const onSignal = (): void => {
    if (cleared.isEmpty) leave.abort(context.signal.reason);
  };
  context.signal.addEventListener('abort', onSignal);
  if (context.signal.aborted) onSignal();
  const { environment, isTerminal, print, complain } = context;
  const calm: CliContext = { environment, isTerminal, print, complain, signal: leave.signal };
  try {
    return await withOpened(line.guest, { ...line.scope, allowWrites: true }, calm, (guest) =>
      new Watch(line, guest, cleared, context, mostPages).run(),
    );
  } catch (error) {
    context.signal.throwIfAborted();
    throw error;
  } finally {
    context.signal.removeEventListener('abort', onSignal);
  }
}

class Watch {
  readonly #line: WatchCommandLine;
  readonly #guest: OpenGuest;
  readonly #cleared: ClearedBits;
  readonly #context: CliContext;
  readonly #place: WatchedPlace;
  /** Whether the TLBs were flushed when the round began. */
  #isExact = true;
  #wasAlwaysExact = true;
  /** Whether the look that is under way has changed anything: what it would see if it were made again is its own doing. */
  #hasChanged = false;
  /** When it was last resumed. */
  #since = 0;
  /** The pages when the round began, where their dirty bits were left. */
  #before: readonly MappedLeaf[] = [];

  constructor(line: WatchCommandLine, guest: OpenGuest, cleared: ClearedBits, context: CliContext, mostPages?: number) {
    this.#line = line;
    this.#guest = guest;
    this.#cleared = cleared;
    this.#context = context;
    this.#place = new WatchedPlace(line, guest, context, mostPages);
  }

  async run(): Promise<number> {
    try {
      const begun = await this.#begin();
      if (begun === undefined) return INCOMPLETE;
      await this.#resume();
      const assumed = [...begun, ...this.#guest.assumed];
      await complainOfAssumed(assumed, this.#context);
      const { unread, complain } = this.#context;
      for (let round = 1; round <= this.#line.rounds && unread?.aborted !== true; round += 1)
        if (!(await this.#runOnce(round))) return INCOMPLETE;
      const { strict } = this.#line.guest;
      const status = await strictStatus(0, strict, assumed, this.#context);
      if (!strict || this.#wasAlwaysExact) return status;
      complain('pagewalk: --strict: TLBs could not be flushed');
      return UNSURE;
    } finally {
      if (!this.#cleared.isEmpty) await this.#putBack();
    }
  }

  #look<T>(use: (moment: WatchedMoment) => Promise<T>): Promise<T> {
    this.#hasChanged = false;
    return this.#place.look(use, { mayRepeat: () => !this.#hasChanged });
  }

  /** @returns what everything rests on; undefined where there is nothing to watch */
  #begin(): Promise<readonly Assumption[] | undefined> {
    return this.#look(async (moment) => {
      const { complain } = this.#context;
      if (this.#guest.running?.ranBefore === false) {
        complain('pagewalk: the guest is paused: it touches nothing until it is resumed');
        return undefined;
      }
      if (moment.leaves.length === 0) {
        complain('pagewalk: nothing is mapped in the range');
        return undefined;
      }
      await this.#clear(moment);
      if (!this.#isExact) {
        complain(
          'pagewalk: only the TLBs of emulated processors (TCG) can be flushed from outside: pages whose translation a processor ' +
            'has kept count as untouched, so that figures are the least that was touched',
        );
      }
      return moment.snapshot.assumed;
    });
  }

  async #clear(moment: WatchedMoment): Promise<void> {
    this.#hasChanged = true;
    await this.#cleared.clear(moment);
    this.#before = this.#line.clearsDirty ? [] : moment.leaves;
    // What a TLB holds is used without a look at A; and without a look at D, where it was set.
    this.#isExact = (await this.#guest.running?.flushTranslations()) === true;
    this.#wasAlwaysExact &&= this.#isExact;
  }

  async #resume(): Promise<void> {
    await this.#guest.running?.resume();
    this.#since = performance.now();
  }

  /** @returns false where the address space is not there any more */
  async #runOnce(round: number): Promise<boolean> {
    // It has run already while the last round was printed.
    const left = this.#line.forMs - (performance.now() - this.#since);
    await sleep(Math.max(0, left), undefined, { signal: this.#context.signal });
    const { collectUsage, encodeUsage, formatUsage } = await import('../../../report/index.ts');
    const before = this.#before;
    const seen = await this.#look(async (moment) => {
      if (moment.end !== undefined) return moment.end;
      const { snapshot, leaves, space } = moment;
      const ms = Math.round(moment.pausedAt - this.#since);
      const exact = this.#isExact;
      if (round < this.#line.rounds) await this.#clear(moment);
      else await this.#putBackIn(moment);
      return { round, ms, cpu: snapshot.state.cpu, mode: snapshot.context.mode, space, leaves, exact };
    });
    // The guest waits neither for this to be made nor for who reads it.
    await this.#resume();
    if (typeof seen === 'string') {
      this.#context.complain(`pagewalk: ${seen}`);
      return false;
    }
    const { leaves, ...rest } = seen;
    const wasDirty = new Set(before.flatMap(({ address, dirty }) => (dirty ? [address] : [])));
    const usage = { ...rest, ranges: collectUsage(leaves, wasDirty) };
    const { json } = this.#line;
    await this.#context.print(json ? `${encodeUsage(usage)}\n` : formatUsage(usage, chooseStyle(this.#context)));
    return true;
  }

  async #putBackIn(moment: WatchedMoment): Promise<void> {
    this.#hasChanged = true;
    await this.#cleared.putBack(moment);
  }

  /** After a failure, or a signal. */
  async #putBack(): Promise<void> {
    const { complain } = this.#context;
    const { pages } = this.#cleared;
    try {
      const use = async (moment: WatchedMoment): Promise<string | undefined> => {
        await this.#cleared.putBack(moment);
        return moment.lack;
      };
      // What is set once more is set: it may be done again.
      const needs = (page: bigint): boolean => pages.has(page);
      const lack = await this.#place.look(use, { needs });
      // What a process shares with the others, a kernel's pages, outlives it.
      if (!this.#cleared.isEmpty) await this.#place.look(use, { needs, isElsewhere: true });
      if (lack !== undefined && !this.#cleared.isEmpty)
        complain(`pagewalk: accessed bits that were cleared may not all have been set again: ${lack}`);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      complain(`pagewalk: accessed bits that were cleared could not be set again: ${why}`);
    }
  }
}
