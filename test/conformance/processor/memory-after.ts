import { type PagingContext, processorBits, type Translation } from '../../../src/paging/index.ts';
import type { ExpectedSample } from './expected-outcome.ts';
import type { GuestMemory } from './guest-memory.ts';

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
  readonly #context: PagingContext;
  readonly #memory: GuestMemory;
  readonly #units = new Map<number, bigint>();

  constructor(context: PagingContext, memory: GuestMemory) {
    this.#context = context;
    this.#memory = memory;
  }

  /** Sets the bits of one walk. */
  walk(translation: Translation): void {
    for (const { address } of translation.steps) this.#keep(unitOf(Number(address)));
    for (const { address, accessed, dirty } of processorBits(this.#context, translation)) {
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

  #keep(unit: number): void {
    if (!this.#units.has(unit) && this.#memory.placeOf(unit) !== 'nothing') this.#units.set(unit, this.valueAt(unit));
  }
}
