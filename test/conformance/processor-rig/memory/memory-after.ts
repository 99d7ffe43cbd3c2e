import type { PlannedBits } from '../../../../src/paging/index.ts';
import type { RigMemory } from './rig-memory.ts';

/** Eight bytes of physical memory, as they must be after a probe. */
export interface ExpectedSample {
  readonly address: number;
  readonly after: bigint;
}

const UNIT_BYTES = 8;
const ENTRY_A = 0x20n;
const ENTRY_D = 0x40n;

/** The address of the eight aligned bytes around an address. */
export function unitOf(address: number): number {
  return address - (address % UNIT_BYTES);
}

/**
 * Memory as a probe must leave it: every entry that its walks use, with the bits that the walker says the processor sets, and
 * what the probe itself writes. In units of eight bytes, each at most once: an entry may be its own data.
 */
export class MemoryAfter {
  readonly #memory: RigMemory;
  readonly #units = new Map<number, bigint>();

  constructor(memory: RigMemory) {
    this.#memory = memory;
  }

  /** Looks at entries that a walk uses. */
  keep(addresses: Iterable<number>): void {
    for (const address of addresses) this.#keepUnit(unitOf(address));
  }

  /** Sets the bits that the processor sets. */
  set(planned: readonly PlannedBits[]): void {
    for (const { address, accessed, dirty } of planned) {
      const unit = unitOf(Number(address));
      const bits = ((accessed ? ENTRY_A : 0n) | (dirty ? ENTRY_D : 0n)) << BigInt(8 * (Number(address) - unit));
      this.#units.set(unit, this.valueAt(unit) | bits);
    }
  }

  /** The eight bytes at an aligned address; zero where nothing is. */
  valueAt(unit: number): bigint {
    return this.#units.get(unit) ?? this.#memory.readEntry(BigInt(unit), UNIT_BYTES) ?? 0n;
  }

  /** Memory that is not there takes nothing. */
  store(unit: number, value: bigint): void {
    if (this.#memory.placeOf(unit) !== 'nothing') this.#units.set(unit, value);
  }

  samples(): ExpectedSample[] {
    return [...this.#units].map(([address, after]) => ({ address, after }));
  }

  #keepUnit(unit: number): void {
    if (!this.#units.has(unit) && this.#memory.placeOf(unit) !== 'nothing') this.#units.set(unit, this.valueAt(unit));
  }
}
