import { setTimeout as sleep } from 'node:timers/promises';
import type { OpenGuest, TableSnapshot } from '../../../guest/index.ts';
import { chooseStyle } from '../../io/choose-style.ts';
import type { CliContext } from '../../options/command.ts';
import { toTranslateScope } from '../../options/scope-options.ts';
import { complainOfAssumed } from '../../session/complain-of-assumed.ts';
import { reportedSpace } from '../../session/reported-space.ts';
import { strictStatus } from '../../session/strict-status.ts';
import { withOpened } from '../../session/with-guest.ts';
import { ClearedBits } from './cleared-bits.ts';
import { NAME, type WatchCommandLine } from './parse-watch.ts';
import { WatchedPlace } from './watched-place.ts';

/** Nothing was watched. */
const NOTHING = 1;
/** An answer rests on what is not known, and `--strict` refuses such answers. */
const UNSURE = 4;

/**
 * Clears the accessed bits of pages, lets the guest run, and looks which are set: again and again. In the end the bits are put back.
 *
 * @returns the exit status
 * @internal
 */
export async function watchGuest(line: WatchCommandLine, context: CliContext): Promise<number> {
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
      new Watch(line, guest, cleared, context).run(),
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
  #isExact = true;
  /** When it was last resumed. */
  #since = 0;
  /** Pages that were dirty when the round began. */
  #wasDirty: ReadonlySet<bigint> = new Set();

  constructor(line: WatchCommandLine, guest: OpenGuest, cleared: ClearedBits, context: CliContext) {
    this.#line = line;
    this.#guest = guest;
    this.#cleared = cleared;
    this.#context = context;
    this.#place = new WatchedPlace(line, guest, context);
  }

  async run(): Promise<number> {
    try {
      const begun = await this.#begin();
      if (begun === undefined) return NOTHING;
      await this.#resume();
      await complainOfAssumed(begun.assumed, this.#context);
      const { unread } = this.#context;
      for (let round = 1; round <= this.#line.rounds && unread?.aborted !== true; round += 1)
        await this.#runOnce(round);
      const status = await strictStatus(0, this.#line.guest.strict, begun.assumed, this.#context);
      return this.#line.guest.strict && !this.#isExact ? UNSURE : status;
    } finally {
      if (!this.#cleared.isEmpty) await this.#putBack();
    }
  }

  /** @returns undefined where there is nothing to watch */
  #begin(): Promise<TableSnapshot | undefined> {
    return this.#place.look(async (moment) => {
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
      return moment.snapshot;
    });
  }

  async #clear(moment: Parameters<ClearedBits['clear']>[0]): Promise<void> {
    await this.#cleared.clear(moment);
    const dirty = this.#line.clearsDirty ? [] : moment.leaves.filter(({ dirty: isDirty }) => isDirty);
    this.#wasDirty = new Set(dirty.map(({ address }) => address));
    // What a TLB holds is used without a look at A; and without a look at D, where it was set.
    this.#isExact = (await this.#guest.running?.flushTranslations()) === true;
  }

  async #resume(): Promise<void> {
    await this.#guest.running?.resume();
    this.#since = performance.now();
  }

  async #runOnce(round: number): Promise<void> {
    await sleep(this.#line.forMs, undefined, { signal: this.#context.signal });
    const { collectUsage, encodeUsage, formatUsage } = await import('../../../report/index.ts');
    const usage = await this.#place.look(async (moment) => {
      const ms = Math.round(performance.now() - this.#since);
      const { state, context } = moment.snapshot;
      const exact = this.#isExact;
      const ranges = collectUsage(moment.leaves, this.#wasDirty);
      if (round < this.#line.rounds) await this.#clear(moment);
      else await this.#cleared.putBack(moment);
      const space = reportedSpace(state, this.#place.scope);
      return { round, ms, cpu: state.cpu, mode: context.mode, space, ranges, exact };
    });
    // The guest does not wait for who reads this.
    await this.#resume();
    const { json } = this.#line;
    await this.#context.print(json ? `${encodeUsage(usage)}\n` : formatUsage(usage, chooseStyle(this.#context)));
  }

  /** After a failure, or a signal. */
  async #putBack(): Promise<void> {
    try {
      await this.#place.look((moment) => this.#cleared.putBack(moment));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#context.complain(`pagewalk: accessed bits that were cleared could not be set again: ${why}`);
    }
  }
}
