import type { NestedPlannedBits, NestedTranslation, WalkStep } from '../../../src/paging/index.ts';
import type { HostMemory } from './host-memory.ts';

const UNIT_BYTES = 8;
const ENTRY_A = 0x20n;
const ENTRY_D = 0x40n;

/** Eight bytes of physical memory, as they must be after a probe. */
export interface ExpectedSample {
  readonly address: number;
  readonly after: bigint;
}

/** The address of the eight aligned bytes around an address. */
export function unitOf(address: number): number {
  return address - (address % UNIT_BYTES);
}

/**
 * Host memory as a probe must leave it, in units of eight bytes: every entry that its walk uses, with the bits that the walker
 * says the processor sets, and what the probe itself writes.
 */
export class MemoryAfter {
  readonly #memory: HostMemory;
  readonly #units = new Map<number, bigint>();

  constructor(memory: HostMemory) {
    this.#memory = memory;
  }

  /** Looks at every entry of both stages that a walk uses. */
  keepEntries(translation: NestedTranslation): void {
    for (const address of entriesOf(translation)) this.#keep(unitOf(address));
  }

  /** Sets the bits that the processor sets. */
  set(planned: readonly NestedPlannedBits[]): void {
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

  #keep(unit: number): void {
    if (!this.#units.has(unit) && this.#memory.placeOf(unit) !== 'nothing') this.#units.set(unit, this.valueAt(unit));
  }
}

/** Host-physical addresses of all entries used: the nested ones, and the guest's where the second stage has them. */
function* entriesOf({ walks }: NestedTranslation): Generator<number> {
  for (const { steps, purpose, hostPhysicalAddress } of walks) {
    for (const { address } of steps as readonly WalkStep[]) yield Number(address);
    if (purpose === 'table' && hostPhysicalAddress !== null) yield Number(hostPhysicalAddress);
  }
}
