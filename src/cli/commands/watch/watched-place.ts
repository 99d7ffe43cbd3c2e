import type { GuestView, OpenGuest, TableSnapshot, TranslateScope } from '../../../guest/index.ts';
import type { MappedLeaf } from '../../../paging/index.ts';
import { UsageError } from '../../errors.ts';
import type { CliContext } from '../../options/command.ts';
import type { AddressRange } from '../../options/parse-range.ts';
import { type ScopeOptions, toTranslateScope } from '../../options/scope-options.ts';
import { isNamedRange } from '../../options/written-range.ts';
import { nameScope } from '../../session/names/name-scope.ts';
import { resolveRange } from '../../session/names/resolve-addresses.ts';
import { viewOnce } from '../../session/with-guest.ts';
import { NAME, type WatchCommandLine } from './parse-watch.ts';

/** As many are held at once, with what their entries were: a gigabyte in 4 KB pages. */
const MOST_PAGES = 262_144;

/** The watched pages at a moment at which the guest is paused. @internal */
export interface WatchedMoment {
  readonly view: GuestView;
  readonly scope: TranslateScope;
  readonly snapshot: TableSnapshot;
  readonly leaves: readonly MappedLeaf[];
}

/** The pages that are watched, from pause to pause. @internal */
export class WatchedPlace {
  readonly #line: WatchCommandLine;
  readonly #guest: OpenGuest;
  readonly #context: CliContext;
  /** Found once: the process and the symbol are the same ones later. */
  #found: { readonly scope: ScopeOptions; readonly part: Partial<AddressRange> } | undefined;

  constructor(line: WatchCommandLine, guest: OpenGuest, context: CliContext) {
    this.#line = line;
    this.#guest = guest;
    this.#context = context;
  }

  /** The scope, with the address space of the process that it names. */
  get scope(): ScopeOptions {
    return this.#found?.scope ?? this.#line.scope;
  }

  /**
   * Pauses the guest and hands over what is there. The guest stays paused.
   *
   * @throws {@link UsageError} `ERR_CLI_USAGE` for what cannot be watched; as viewOnce.
   */
  look<T>(use: (moment: WatchedMoment) => Promise<T>): Promise<T> {
    return viewOnce(this.#guest, { live: false }, async (paused) => {
      const view = await this.#resolve(paused);
      const { scope: options, part } = this.#found ?? { scope: this.#line.scope, part: {} };
      const scope = await toTranslateScope(options, this.#line.guest.cpu, NAME);
      const snapshot = await view.snapshot({ ...scope, ...part });
      return use({ view, scope, snapshot, leaves: leavesOf(snapshot, part) });
    });
  }

  async #resolve(view: GuestView): Promise<GuestView> {
    if (this.#found !== undefined) return view;
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
    this.#found = { scope: { ...named.scope, process: undefined }, part };
    return named.view;
  }
}

function leavesOf(snapshot: TableSnapshot, part: Partial<AddressRange>): readonly MappedLeaf[] {
  const { cpu } = snapshot.state;
  if (snapshot.nested !== null) {
    throw new UsageError(
      `vCPU ${cpu} runs a nested guest (L2), whose pages have bits in two stages: watch its hypervisor`,
      NAME,
    );
  }
  if (!snapshot.isPaged) throw new UsageError(`paging is off on vCPU ${cpu}: no entry has an accessed bit`, NAME);
  if (!snapshot.isWhole) throw new UsageError('there are more page tables than are kept: watch a smaller range', NAME);
  const leaves: MappedLeaf[] = [];
  snapshot.leaves((leaf) => leaves.push(leaf) <= MOST_PAGES, part);
  if (leaves.length > MOST_PAGES) {
    throw new UsageError(`there are more than ${MOST_PAGES} pages in the range: watch a smaller one`, NAME);
  }
  return leaves;
}
