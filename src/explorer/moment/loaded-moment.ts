import {
  contextOf,
  type GuestTranslation,
  GuestView,
  MemoryMap,
  nestedContextOf,
  parseOverride,
  type VcpuState,
} from '../../guest/index.ts';
import { pagesOfRange } from '../../guest/internal.ts';
import type { Access, NestedContext, PageSource, PagingContext } from '../../paging/index.ts';
import { changedNestedRanges, changedRanges, findAliases, type PageRange } from '../../paging/index.ts';
import { canonicalAddress, formatHex, linearDigits, linearPageOf } from '../../paging/internal.ts';
import {
  collectPieces,
  decodeMoment,
  decodeRanges,
  type Mappings,
  type MomentHeading,
  mappingsOf,
  type Pieces,
  pieceOfRange,
  piecesBytes,
  RangeEncoder,
  type Span,
  TableStore,
} from '../../picture/internal.ts';
import { formatStage } from '../../report/internal.ts';
import { decompress } from './decompress.ts';
import type { NamedPages } from './named-pages.ts';
import { memoryOfTables } from './read-tables.ts';

/** So many pieces are kept of an address space. */
const MOST_PIECES = 600_000;
/** Of what is seen at once. */
const MOST_IN_VIEW = 200_000;

/** An address space as a question has it: what if a register were otherwise. @internal */
export interface Space {
  readonly context: PagingContext | null;
  readonly nested: NestedContext | null;
  readonly pieces: Pieces;
  /** Page tables that it needs, and that were not read: what they map is missing. */
  readonly missingTables: number;
}

/** An address space at one moment, and everything that can be asked of it. @internal */
export class LoadedMoment {
  readonly heading: MomentHeading;
  readonly #bytesLength: number;
  readonly space: Space;
  readonly #tables: TableStore;
  readonly #view: GuestView | null;
  readonly #map: MemoryMap;
  #names: readonly NamedPages[] | undefined;

  private constructor(bytes: Uint8Array) {
    const { heading, tables, ranges } = decodeMoment(bytes);
    this.heading = heading;
    this.#bytesLength = bytes.length;
    this.#tables = new TableStore(tables);
    this.#map = new MemoryMap(heading.regions);
    const state = heading.state as VcpuState | null;
    this.#view = state === null || heading.whyNoWalks !== null ? null : this.#viewOf(state);
    const context = state === null ? null : contextOf(state);
    const nested = state === null ? null : nestedContextOf(state);
    const pieces = ranges.length > 0 || context === null ? decodeRanges(ranges) : this.#piecesOf(context, nested);
    this.space = { context, nested, pieces, missingTables: 0 };
  }

  /** @throws PictureError for bytes that hold no moment. */
  static async load(bytes: Uint8Array<ArrayBuffer>): Promise<LoadedMoment> {
    return new LoadedMoment(await decompress(bytes));
  }

  /** What it takes of memory now. */
  get sizeBytes(): number {
    return this.#bytesLength + piecesBytes(this.space.pieces) + this.#tables.keptBytes;
  }

  /** It is not looked at: what can be made again is forgotten. */
  rest(): void {
    this.#tables.rest();
  }

  /** The form of addresses of this moment, where it has no registers. */
  get form(): Pick<PagingContext, 'linearBits' | 'linearAddress' | 'policy'> {
    const { linearBits, isUnsigned } = this.heading;
    return (
      this.space.context ?? {
        linearBits,
        linearAddress: { isUnsigned } as PagingContext['linearAddress'],
        policy: { protectionKeys: true } as PagingContext['policy'],
      }
    );
  }

  /** The second stage of a nested guest, as `--nested` takes it; null where there is one stage. */
  get secondStage(): string | null {
    const { nested } = this.space;
    const stage = (this.heading.state as VcpuState | null)?.nested.value ?? null;
    return stage === null || nested === null ? null : formatStage(stage, nested);
  }

  /** A linear address, in as many digits as all of them have. */
  nameOf(address: bigint): string {
    return formatHex(address, linearDigits(this.heading.linearBits));
  }

  /** What lies where, in ascending order. */
  get names(): readonly NamedPages[] {
    this.#names ??= this.heading.names.map(({ first, last, text }) => ({
      first: this.pageOf(first),
      end: this.pageOf(last) + 1,
      text,
    }));
    return this.#names;
  }

  addressOf(page: number, offset = 0): bigint {
    return canonicalAddress(this.form as PagingContext, page, offset);
  }

  pageOf(address: bigint): number {
    return linearPageOf(this.form, address);
  }

  /** The address space with registers as they are not. */
  async spaceIf(overrides: readonly string[]): Promise<Space> {
    const view = this.#view;
    if (overrides.length === 0 || view === null) return this.space;
    const scope = { cpu: this.#cpu, overrides: overrides.map(parseOverride) };
    const state = await view.scopedState(scope);
    const context = contextOf(state);
    const nested = nestedContextOf(state);
    const isAlike =
      this.space.context !== null && formatOf(context, nested) === formatOf(this.space.context, this.space.nested);
    if (isAlike) return { ...this.space, context, nested };
    if (context.mode === 'off' && nested === null) return { context, nested, ...(await identityOf(view, scope)) };
    const missing = new Set<number>();
    const pageOf = (page: number): Int32Array | null => {
      const words = this.#tables.words(page);
      if (words === null && this.#isMemory(page)) missing.add(page);
      return words;
    };
    const pieces = this.#piecesOf(context, nested, pageOf);
    return { context, nested, pieces, missingTables: missing.size };
  }

  #isMemory(page: number): boolean {
    const { kind } = this.#map.regionAt(BigInt(page) << 12n);
    return kind === 'ram' || kind === 'rom';
  }

  /** Page by page, where the whole is not kept so. */
  piecesWithin({ context, nested }: Space, firstPage: number, lastPage: number): Pieces | null {
    if (context === null || this.#tables.size === 0) return null;
    const whole = this.#pagesOf(context);
    const limits = {
      firstPage: Math.max(firstPage, whole.firstPage),
      lastPage: Math.min(lastPage, whole.lastPage),
      most: MOST_IN_VIEW,
    };
    return collectPieces({ context, nested, pageOf: this.#tables.words }, limits);
  }

  /** Everything that there could be in the part that was read. */
  get whole(): Span {
    const { firstPage, lastPage } = this.#pagesOf(this.form as PagingContext);
    return { first: firstPage, end: Math.max(firstPage, lastPage) + 1 };
  }

  /** The linear pages that lead to a physical one, so many at most. */
  mappingsOf({ context, nested, pieces }: Space, physicalPage: number, most: number): Mappings {
    const found = mappingsOf(pieces, physicalPage, most);
    if (found.isWhole || context === null || this.#tables.size === 0) return found;
    const pages: number[] = [];
    const first = BigInt(physicalPage) << 12n;
    const { complete } = findAliases(
      context,
      this.#tables.words,
      { first, last: first | 0xfffn },
      (alias) => pages.push(linearPageOf(context, alias.first)) < most,
      { ...this.#pagesOf(context), nested },
    );
    // Where there are more than were wanted, it is known where all of them lead.
    return { pages, isWhole: complete || pages.length >= most };
  }

  get #cpu(): number {
    return this.heading.cpu ?? 0;
  }

  /** The part that was read: beside it tables are missing, and not empty. */
  #pagesOf(context: PagingContext): { readonly firstPage: number; readonly lastPage: number } {
    const { firstPage = 0, lastPage = -1 } = pagesOfRange(context, this.heading);
    return { firstPage, lastPage };
  }

  /** @throws where the tables that the walk needs were not read. */
  async translate(linearAddress: bigint, access: Access, overrides: readonly string[]): Promise<GuestTranslation> {
    const { whyNoWalks } = this.heading;
    if (this.#view === null) throw new RangeError(whyNoWalks ?? 'a saved map has no tables to walk');
    const [answer] = await this.#view.translate([{ linearAddress, access }], {
      cpu: this.#cpu,
      overrides: overrides.map(parseOverride),
    });
    if (answer === undefined) throw new RangeError('no answer was given');
    return answer;
  }

  /** Where tables differ from those of another moment; null where everything is to be compared. */
  changesSince(before: LoadedMoment): readonly PageRange[] | null {
    const [one, other] = [before.#tablesAtOnce(), this.#tablesAtOnce()];
    if (one === null || other === null) return null;
    if (one.nested !== null && other.nested !== null) {
      return changedNestedRanges({ ...one, nested: one.nested }, { ...other, nested: other.nested });
    }
    return one.nested === other.nested ? changedRanges(one, other) : null;
  }

  #tablesAtOnce() {
    const { context, nested } = this.space;
    return context === null || this.#tables.size === 0 ? null : { context, nested, pageOf: this.#tables.words };
  }

  #piecesOf(context: PagingContext, nested: NestedContext | null, pageOf: PageSource = this.#tables.words): Pieces {
    return collectPieces({ context, nested, pageOf }, { ...this.#pagesOf(context), most: MOST_PIECES });
  }

  #viewOf(state: VcpuState): GuestView {
    const vcpu = { state, map: this.#map };
    const memory = memoryOfTables(this.#tables);
    return new GuestView({
      vcpus: [state.cpu],
      readVcpu: () => Promise.resolve(vcpu),
      openMemory: () => Promise.resolve({ memory, report: { provider: 'caller', attempts: [] } }),
    });
  }
}

/** Without paging linear addresses are physical ones: no tables are read for it. */
async function identityOf(
  view: GuestView,
  scope: Parameters<GuestView['snapshot']>[0],
): Promise<Pick<Space, 'pieces' | 'missingTables'>> {
  const snapshot = await view.snapshot(scope);
  const encoder = new RangeEncoder();
  snapshot.ranges((range) => {
    encoder.add(pieceOfRange(range, snapshot.context));
    return true;
  });
  return { pieces: decodeRanges(encoder.encode(true)), missingTables: 0 };
}

/** What the shape of an address space depends on. */
function formatOf(context: PagingContext, nested: NestedContext | null): string {
  const { mode, rootAddress, a20Masked, levels, latched, policy } = context;
  const own = [mode, rootAddress, a20Masked, policy.executeDisableHigh, JSON.stringify([levels, latched], plain)];
  return `${own.join()} ${nested === null ? '' : formatOf(nested.stage, null)}`;
}

function plain(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
