import type { EntrySource } from '../../../../src/paging/index.ts';
import { StrayWalkError } from '../../processor-rig/memory/rig-memory.ts';

const UNIT_BYTES = 8;

/** The entries of a case, in units of eight bytes: what stands in memory for every case, and what is this one's own. */
export class CaseMemory implements EntrySource {
  readonly #standing: ReadonlyMap<number, bigint>;
  readonly #own = new Map<number, bigint>();
  readonly #largeNested = new Set<number>();

  constructor(standing: ReadonlyMap<number, bigint>) {
    this.#standing = standing;
  }

  /** Units that the case writes before it runs. */
  get own(): ReadonlyMap<number, bigint> {
    return this.#own;
  }

  put(address: number, value: bigint, size: 4 | 8 = UNIT_BYTES): void {
    if (size === UNIT_BYTES) {
      this.#own.set(address, value);
      return;
    }
    const unit = address - (address % UNIT_BYTES);
    const shift = BigInt(8 * (address - unit));
    const before = this.#own.get(unit) ?? this.#standing.get(unit) ?? 0n;
    this.#own.set(unit, (before & ~(0xffff_ffffn << shift)) | (value << shift));
  }

  /** Notes that the entry is a large page of the second stage. */
  noteLargeNested(address: number): void {
    this.#largeNested.add(address);
  }

  get largeNested(): ReadonlySet<number> {
    return this.#largeNested;
  }

  /** @throws StrayWalkError for an entry that no one wrote for this case: an earlier one may have left something there */
  readEntry(address: bigint, size: 4 | 8): bigint {
    const at = Number(address);
    const unit = at - (at % UNIT_BYTES);
    const value = this.#own.get(unit) ?? this.#standing.get(unit);
    if (value === undefined) throw new StrayWalkError(`an entry of no case, at 0x${at.toString(16)}`);
    return size === UNIT_BYTES ? value : BigInt.asUintN(32, value >> BigInt(8 * (at - unit)));
  }

  /** The same entries, each as it is seen through `see`. */
  seen(see: (address: number, value: bigint) => bigint): CaseMemory {
    const memory = new CaseMemory(this.#standing);
    for (const [address, value] of this.#own) memory.#own.set(address, see(address, value));
    for (const address of this.#largeNested) memory.#largeNested.add(address);
    return memory;
  }
}
