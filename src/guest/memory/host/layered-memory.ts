import { formatHex } from '../../../paging/index.ts';
import { GuestMemoryError, type MemoryAttempt } from '../../errors.ts';
import type { MemoryMap, Region } from '../memory-map.ts';
import type { MemoryPiece, PhysicalMemory } from '../physical-memory.ts';
import { type ComparePages, isZero, readPages } from './compare-pages.ts';
import type { HostBlock, HostMemory } from './host-memory.ts';

const PAGE_BYTES = 4096;
/** Pages looked at from each region of a block, from its start on, besides those that are wanted. */
const PLACES = 16;
/** Pages compared with what the trusted way shows: those that are not all zero, where there are such. */
const SAMPLES = 6;
/** How many are read at a time to find them. */
const AT_ONCE = 8;
/** Of those wanted at once, how many are looked at. */
const MOST_WANTED = 64;

/** Why nothing on this host is used. @internal */
export type NoHostMemory = readonly MemoryAttempt[];

/**
 * Reads each piece where it is available: on this host if that has the block which it lies in, else in the trusted way. A block is
 * used from when some of its pages, not all zero, were seen to be the guest's; until then, and if one is not, it is read in the
 * trusted way, and the other blocks keep theirs.
 *
 * @internal
 */
export class LayeredMemory implements PhysicalMemory {
  readonly #host: HostMemory | undefined;
  readonly #attempts: readonly MemoryAttempt[];
  readonly #trusted: PhysicalMemory;
  readonly #map: MemoryMap;
  readonly #compare: ComparePages;
  readonly #deciding = new Map<HostBlock, Promise<void>>();

  /** @param trusted - does not see what only a vCPU in system management mode sees */
  constructor(host: HostMemory | NoHostMemory, trusted: PhysicalMemory, map: MemoryMap, compare: ComparePages) {
    this.#host = 'kind' in host ? host : undefined;
    this.#attempts = 'kind' in host ? host.attempts : host;
    this.#trusted = trusted;
    this.#map = map;
    this.#compare = compare;
  }

  /**
   * Whether the block at an address is read on this host; it is decided now, if it was not yet, and why not is among the
   * attempts. True where there is no memory: what lies elsewhere is decided when it is read.
   */
  async usesHostAt(address: number): Promise<boolean> {
    const page = address - (address % PAGE_BYTES);
    if (this.#host === undefined) return false;
    if (!this.#map.isReadable(address, 1)) return true;
    await this.#decide([{ address: page, lengthBytes: PAGE_BYTES }]);
    const block = this.#host.blockAt(address);
    if (block?.verdict === 'open') {
      this.#host.attempts.push({ provider: this.#host.kind, cause: { code: 'unverified' } });
    }
    return block?.verdict === 'same';
  }

  async read(pieces: readonly MemoryPiece[], targets: readonly Uint8Array[] = []): Promise<readonly Uint8Array[]> {
    await this.#decide(pieces);
    const results: (Uint8Array | undefined)[] = new Array(pieces.length);
    const others: number[] = [];
    const here: MemoryPiece[] = [];
    const hereInto: Uint8Array[] = [];
    pieces.forEach((piece, at) => {
      if (this.#host?.blockAt(piece.address)?.verdict !== 'same') {
        others.push(at);
        return;
      }
      const bytes = targets[at] ?? new Uint8Array(piece.lengthBytes);
      here.push(piece);
      hereInto.push(bytes);
      results[at] = bytes;
    });
    const reading = here.length === 0 ? undefined : this.#host?.read(here, hereInto);
    if (reading !== undefined) await reading;
    if (others.length > 0) await this.#readTrusted(others, pieces, targets, results);
    return results.map(required);
  }

  async #readTrusted(
    which: readonly number[],
    pieces: readonly MemoryPiece[],
    targets: readonly Uint8Array[],
    results: (Uint8Array | undefined)[],
  ): Promise<void> {
    const wanted = which.map((at) => required(pieces[at]));
    for (const { address } of wanted) this.#refuseHidden(address);
    const bytes = await this.#trusted.read(
      wanted,
      which.map((at) => targets[at] ?? new Uint8Array(required(pieces[at]).lengthBytes)),
    );
    which.forEach((at, index) => {
      results[at] = bytes[index];
    });
  }

  /** The trusted way would show what lies there for others: the VGA, as a rule, and reading that has effects. */
  #refuseHidden(address: number): void {
    if (!this.#map.isOnlyInSmm(address)) return;
    throw new GuestMemoryError(
      `the vCPU is in system management mode, and a page table that it uses lies at ${formatHex(address)} in SMRAM, which neither the GDB stub nor the monitor shows`,
      this.#attempts,
    );
  }

  async #decide(pieces: readonly MemoryPiece[]): Promise<void> {
    let open: Map<HostBlock, number[]> | undefined;
    for (const { address } of pieces) {
      const block = this.#host?.blockAt(address);
      if (block?.verdict !== 'open') continue;
      open ??= new Map();
      const pages = open.get(block) ?? [];
      if (pages.length < MOST_WANTED) pages.push(address - (address % PAGE_BYTES));
      open.set(block, pages);
    }
    if (open === undefined) return;
    await Promise.all([...open].map(([block, pages]) => this.#decideBlock(block, pages)));
  }

  async #decideBlock(block: HostBlock, pages: readonly number[]): Promise<void> {
    const other = this.#deciding.get(block);
    if (other !== undefined) {
      await other;
      if (block.verdict !== 'open') return;
    }
    const deciding = this.#compareBlock(block, pages);
    this.#deciding.set(block, deciding);
    try {
      await deciding;
    } finally {
      // Of one that failed nothing is left: the next question compares anew.
      this.#deciding.delete(block);
    }
  }

  async #compareBlock(block: HostBlock, wanted: readonly number[]): Promise<void> {
    const host = this.#host;
    if (host === undefined) return;
    try {
      const samples = await this.#samples(host, block, wanted);
      if (samples.length === 0) return;
      const outcome = await this.#compare(samples, host, this.#trusted);
      if (outcome.kind === 'zero') return;
      block.verdict = outcome.kind === 'same' ? 'same' : 'foreign';
      if (block.verdict === 'foreign') host.onForeign();
      if (outcome.kind === 'differs') host.attempts.push({ provider: host.kind, cause: outcome.cause });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      // The block is not, or no longer, where it was found.
      block.verdict = 'foreign';
      host.onForeign();
      host.attempts.push({ provider: host.kind, cause: { code: 'unreadable', message: error.message } });
    }
  }

  /** What is wanted, and pages from all over the block: rather those that hold something. */
  async #samples(host: HostMemory, block: HostBlock, wanted: readonly number[]): Promise<readonly number[]> {
    const telling: number[] = [];
    const zero: number[] = [];
    const places = Array.from({ length: PLACES }, (_, at) => block.regions.map((region) => pageOf(region, at)));
    const pages = [...new Set([...wanted, ...places.flat()])].filter(
      (page) => this.#map.isReadable(page, PAGE_BYTES) && !this.#map.isOnlyInSmm(page),
    );
    // Some at a time: the first mostly tell enough, and each time is a way to another host and back, where QEMU is there.
    for (let from = 0; from < pages.length && telling.length < SAMPLES; from += AT_ONCE) {
      const some = pages.slice(from, from + AT_ONCE);
      const found = await readPages(host, some);
      some.forEach((page, at) => {
        const bytes = found[at];
        if (bytes !== undefined) (isZero(bytes) ? zero : telling).push(page);
      });
    }
    return [...telling, ...zero].slice(0, SAMPLES);
  }
}

/** One of the pages looked at in a region. */
function pageOf({ first, last }: Region, at: number): number {
  const pages = Number((last - first + 1n) / BigInt(PAGE_BYTES));
  return Number(first) + Math.floor((pages * at) / PLACES) * PAGE_BYTES;
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new RangeError('memory gave no bytes for a piece');
  return value;
}
