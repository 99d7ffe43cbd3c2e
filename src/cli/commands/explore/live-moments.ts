import type { OpenGuest, RunningGuest } from '../../../guest/index.ts';
import type { Linux } from '../../../linux/index.ts';
import { describeFailure } from '../../describe-failure.ts';
import type { CliContext } from '../../options/command.ts';
import { type ScopeOptions, toTranslateScope } from '../../options/scope-options.ts';
import { lookTimes } from '../../picture/look-times.ts';
import { factsOf, LIMITS_OF_SERVER, momentBytes } from '../../picture/moment-bytes.ts';
import { nameScope } from '../../session/names/name-scope.ts';
import { reportedSpace } from '../../session/reported-space.ts';
import { viewOnce } from '../../session/with-guest.ts';
import { findSymbols } from './find-symbols.ts';
import type { ServedMoments } from './page-server.ts';
import { type ExploreCommandLine, NAME } from './parse-explore.ts';

type GuestLine = Extract<ExploreCommandLine, { kind: 'guest' }>;

/** The moments of a guest: each is one short pause, or none, and only when a page asks for it. @internal */
export class LiveMoments implements ServedMoments {
  readonly count = 1;
  readonly live: boolean;
  readonly #guest: OpenGuest;
  readonly #line: GuestLine;
  readonly #context: CliContext;
  /** The process of the scope is found once: it is the same one later. */
  #scope: ScopeOptions;
  #first: Promise<Uint8Array> | undefined;
  /** The one that is being taken: who else asks gets the same. */
  #taking: Promise<Uint8Array> | undefined;
  #hasComplained = false;
  /** Of the last look; null where names are not asked for. */
  #linux: Linux | null = null;

  constructor(guest: OpenGuest, line: GuestLine, context: CliContext) {
    this.#guest = guest;
    this.#line = line;
    this.#context = context;
    this.#scope = line.scope;
    this.live = guest.running !== undefined;
  }

  /** The first one, which is taken before anything asks. A later page sees the guest as it is then. */
  moment(): Promise<Uint8Array> {
    const first = this.#first ?? this.take();
    // What does not run looks the same to a later page.
    if (this.live) this.#first = undefined;
    return first;
  }

  get symbols(): ServedMoments['symbols'] {
    const linux = this.#linux;
    return linux === null ? null : (name) => findSymbols(linux, name);
  }

  placeOf(address: bigint): ReturnType<Linux['nearestKnown']> {
    return this.#linux?.nearestKnown(address) ?? null;
  }

  /** Takes the first one. @throws what keeps it from being taken */
  async begin(): Promise<void> {
    this.#first = this.take();
    await this.#first;
  }

  take(): Promise<Uint8Array> {
    this.#taking ??= this.#take().finally(() => {
      this.#taking = undefined;
    });
    return this.#taking;
  }

  async describe(error: unknown): Promise<string> {
    const lines = (await describeFailure(error, false)).map((line) => line.replace(/^pagewalk: /, ''));
    if (!this.#hasComplained) for (const line of lines) this.#context.complain(`pagewalk: ${line}`);
    this.#hasComplained = true;
    return `${lines.join('. ')}.`;
  }

  async #take(): Promise<Uint8Array> {
    const { guest: options, range } = this.#line;
    const needs = {
      guest: options,
      scope: this.#scope,
      command: NAME,
      half: 'kernel' as const,
      needsLinux: false,
      showsNames: this.#line.names,
    };
    const { running } = this.#guest;
    const isPaused = running !== undefined && !this.#scope.live;
    const pausedBeforeMs = running?.pausedMs ?? 0;
    let taken: Awaited<ReturnType<typeof this.snapshot>>;
    try {
      taken = await this.snapshot(needs, range);
    } catch (error) {
      if (isPaused) await this.#resume(running, error);
      throw error;
    }
    // A guest that was paused before stays so.
    if (isPaused) await this.#resume(running);
    const { snapshot, scope, areas, takenAtMs, linux } = taken;
    // A process is found once: without names later looks have no Linux.
    this.#linux = this.#line.names ? linux : null;
    this.#scope = { ...scope, process: undefined };
    this.#hasComplained = false;
    const facts = factsOf({
      endpoint: this.#guest.endpoint,
      snapshot,
      space: reportedSpace(snapshot.state, scope),
      range,
      assumed: [...snapshot.assumed, ...this.#guest.assumed],
      areas,
      times: lookTimes(this.#guest, this.#scope.live, takenAtMs, pausedBeforeMs),
    });
    return momentBytes(snapshot, facts, LIMITS_OF_SERVER);
  }

  /** @throws why the guest stays paused, after why the look failed: that is tried again when the guest is left, and said now. */
  async #resume(running: RunningGuest, ...failures: readonly unknown[]): Promise<void> {
    try {
      await running.resume();
    } catch (staying) {
      // A guest that is paused is told of, whatever was told before.
      this.#hasComplained = false;
      throw failures.length === 0 ? staying : new AggregateError([...failures, staying]);
    }
  }

  /** One look. */
  private snapshot(needs: Parameters<typeof nameScope>[2], range: GuestLine['range']) {
    return viewOnce(this.#guest, this.#line.scope, async (view) => {
      const takenAtMs = Date.now();
      const named = await nameScope(view, this.#guest, needs, this.#context);
      const asked = await toTranslateScope(named.scope, this.#line.guest.cpu, NAME);
      const snapshot = await named.view.snapshot({ ...asked, ...range, forWalks: true });
      return { snapshot, scope: named.scope, areas: named.areas, linux: named.linux, takenAtMs };
    });
  }
}
