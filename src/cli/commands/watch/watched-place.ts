import { setTimeout as sleep } from 'node:timers/promises';
import type { GuestView, OpenGuest, TableSnapshot, TranslateScope } from '../../../guest/index.ts';
import { formatHex, type MappedLeaf } from '../../../paging/index.ts';
import type { ReportedAddressSpace } from '../../../report/index.ts';
import { UsageError } from '../../errors.ts';
import type { CliContext } from '../../options/command.ts';
import type { AddressRange } from '../../options/parse-range.ts';
import { type ScopeOptions, toTranslateScope } from '../../options/scope-options.ts';
import { isNamedRange } from '../../options/written-range.ts';
import { describeRoot } from '../../picture/snapshot-notes.ts';
import { nameScope } from '../../session/names/name-scope.ts';
import { resolveRange } from '../../session/names/resolve-addresses.ts';
import { reportedSpace } from '../../session/reported-space.ts';
import { viewOnce } from '../../session/with-guest.ts';
import { NAME, type WatchCommandLine } from './parse-watch.ts';
import { RootEntries } from './root-entries.ts';

/** As many are held at once, with what their entries were: a gigabyte in 4 KB pages. */
const MOST_PAGES = 262_144;
/** So many times as many are gone through for those whose bits are to be put back: a guest can map more at any time. */
const MORE_SEEN = 16;

/** So often it is looked again at a vCPU that runs a nested guest, or has its paging off for a moment. */
const MOST_LOOKS = 40;
const BETWEEN_LOOKS_MS = 25;

/** The watched pages at a moment at which the guest is paused. @internal */
export interface WatchedMoment {
  /** As `performance.now()` has it: what is read before it is handed over takes a while. */
  readonly pausedAt: number;
  readonly view: GuestView;
  readonly scope: TranslateScope;
  readonly snapshot: TableSnapshot;
  readonly leaves: readonly MappedLeaf[];
  readonly space: ReportedAddressSpace;
  /** Why these are not the pages of the address space that was watched; undefined where they are. */
  readonly end: string | undefined;
  /** Why there may be more pages; undefined where these are all. */
  readonly lack: string | undefined;
}

/** How a moment is looked at. @internal */
export interface LookOptions {
  /** Whether the look is made again where another client ended its pause; it is when not given. */
  readonly mayRepeat?: () => boolean;
  /** Pages that are taken however many others there are. Where it is given, what is lacking is left to who asked. */
  readonly needs?: (address: bigint) => boolean;
  /** Looks at the address space that the vCPU has now, as the one that was watched is not there any more. */
  readonly isElsewhere?: boolean;
}

/** What is watched, without anything that may be another later: a vCPU runs one process after the other. */
interface Found {
  /** With a CR3 from the first look on. */
  readonly scope: ScopeOptions;
  readonly part: Partial<AddressRange>;
  /** As the first look had it, where CR3 may be the vCPU's own. */
  readonly space: ReportedAddressSpace;
}

/** The pages that are watched, from pause to pause. @internal */
export class WatchedPlace {
  readonly #line: WatchCommandLine;
  readonly #guest: OpenGuest;
  readonly #context: CliContext;
  readonly #mostPages: number;
  #found: Found | undefined;
  /** As the last look had them that was one at the same address space. */
  #root: RootEntries | undefined;

  constructor(line: WatchCommandLine, guest: OpenGuest, context: CliContext, mostPages = MOST_PAGES) {
    this.#mostPages = mostPages;
    this.#line = line;
    this.#guest = guest;
    this.#context = context;
  }

  /**
   * Pauses the guest and hands over what is there. The guest stays paused. The first look decides for all others which address
   * space that is.
   *
   * @throws {@link UsageError} `ERR_CLI_USAGE` for what cannot be watched; as viewOnce.
   */
  async look<T>(use: (moment: WatchedMoment) => Promise<T>, options: LookOptions = {}): Promise<T> {
    for (let looks = 1; ; looks += 1) {
      const seen = await this.#lookOnce(use, options);
      if ('seen' in seen) return seen.seen;
      if (looks === MOST_LOOKS) throw new UsageError(seen.away, NAME);
      // A nested guest exits often, and a handler of SMIs soon.
      await this.#guest.running?.resume();
      await sleep(BETWEEN_LOOKS_MS);
    }
  }

  #lookOnce<T>(
    use: (moment: WatchedMoment) => Promise<T>,
    { mayRepeat, needs, isElsewhere = false }: LookOptions,
  ): Promise<{ readonly seen: T } | { readonly away: string }> {
    const { cpu } = this.#line.guest;
    const once = async (paused: GuestView): Promise<{ readonly seen: T } | { readonly away: string }> => {
      const pausedAt = performance.now();
      const { view, options, part } = await this.#resolve(paused);
      const scope = await toTranslateScope(isElsewhere ? { ...options, cr3: undefined } : options, cpu, NAME);
      const snapshot = await view.snapshot({ ...scope, ...part });
      const away = whyAway(snapshot);
      if (away !== undefined && (snapshot.nested !== null || this.#found !== undefined)) return { away };
      const { leaves, end, lack } = this.#leavesOf(snapshot, part, needs, isElsewhere);
      if (end === undefined && lack !== undefined && needs === undefined) throw new UsageError(lack, NAME);
      const cr3 = snapshot.state.cr3.value;
      this.#found ??= { scope: { ...options, cr3 }, part, space: reportedSpace(snapshot.state, options) };
      return { seen: await use({ pausedAt, view, scope, snapshot, leaves, space: this.#found.space, end, lack }) };
    };
    return viewOnce(this.#guest, { live: false }, once, mayRepeat);
  }

  async #resolve(
    view: GuestView,
  ): Promise<{ readonly view: GuestView; readonly options: ScopeOptions; readonly part: Partial<AddressRange> }> {
    if (this.#found !== undefined) return { view, options: this.#found.scope, part: this.#found.part };
    const { guest, scope, range } = this.#line;
    const needs = {
      guest,
      scope,
      command: NAME,
      half: 'kernel' as const,
      needsLinux: isNamedRange(range),
      showsNames: false,
    };
    const named = await nameScope(view, this.#guest, needs, this.#context);
    const part = await resolveRange(range, named, guest.cpu, NAME);
    return { view: named.view, options: { ...named.scope, process: undefined }, part };
  }

  #leavesOf(
    snapshot: TableSnapshot,
    part: Partial<AddressRange>,
    needs: LookOptions['needs'],
    isElsewhere: boolean,
  ): Pick<WatchedMoment, 'leaves' | 'end' | 'lack'> {
    requireWatchable(snapshot);
    const root = new RootEntries(snapshot);
    // What a look saw that is made again was another one, or nothing.
    const before = this.#found && this.#root;
    const isSame = !isElsewhere && (before === undefined || root.isOfProcessOf(before));
    const end = isSame ? undefined : describeEnd(snapshot);
    if (isSame) this.#root = root;
    const most = this.#mostPages * (needs === undefined ? 1 : MORE_SEEN);
    const leaves: MappedLeaf[] = [];
    let seen = 0;
    const { complete } = snapshot.leaves((leaf) => {
      if (leaves.length < this.#mostPages || needs?.(leaf.address)) leaves.push(leaf);
      seen += 1;
      return seen <= most;
    }, part);
    const lack = end ?? describeLack(snapshot.isWhole, seen > most ? most : null, complete);
    return { leaves, end, lack };
  }
}

/** Why there are no entries of the watched pages to be seen just now, which may be another thing in the next moment. */
function whyAway({ state: { cpu }, nested, isPaged }: TableSnapshot): string | undefined {
  if (nested !== null)
    return `vCPU ${cpu} runs a nested guest (L2), whose pages have bits in two stages: watch its hypervisor`;
  return isPaged ? undefined : `paging is off on vCPU ${cpu}: no entry has an accessed bit`;
}

function requireWatchable(snapshot: TableSnapshot): void {
  const away = whyAway(snapshot);
  if (away !== undefined) throw new UsageError(away, NAME);
  if (!snapshot.isRootReadable) throw new UsageError(describeRoot(snapshot), NAME);
}

function describeEnd({ context }: TableSnapshot): string {
  return `the root table at ${formatHex(context.root)} has other entries than before: its process may have ended`;
}

function describeLack(isWhole: boolean, exceeded: number | null, isComplete: boolean): string | undefined {
  if (!isWhole) return 'there are more page tables than are kept: watch a smaller range';
  if (exceeded !== null) return `there are more than ${exceeded} pages in the range: watch a smaller one`;
  return isComplete ? undefined : 'page tables look corrupt (endless references): watch a smaller range';
}
