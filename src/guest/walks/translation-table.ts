import {
  decodeRights,
  errorCodeOf,
  type FaultCause,
  faultCauseOf,
  type NestedWalk,
  OUTCOME,
  type PagingContext,
  type Rights,
  responsibleAddressOf,
  type Walk,
} from '../../paging/index.ts';

const NO_ERROR_CODE = 0xffff;
const EXEC = 1;

/**
 * The answers to many addresses, as columns: no object for each. An index is the position of the address in the question.
 *
 * @public
 */
export class TranslationTable {
  readonly length: number;
  readonly context: PagingContext;
  readonly #outcomes: Uint8Array;
  /** Where a mapped address leads, or the entry that is to blame. */
  readonly #physical: Float64Array;
  readonly #errorCodes: Uint16Array;
  readonly #rights: Uint8Array;
  readonly #depths: Uint8Array;
  /** Where a mapped address leads in the host of a guest's guest. */
  readonly #inHost: Float64Array | null;

  /** @internal */
  constructor(length: number, context: PagingContext, isNested = false) {
    this.length = length;
    this.context = context;
    this.#outcomes = new Uint8Array(length);
    this.#physical = new Float64Array(length);
    this.#errorCodes = new Uint16Array(length);
    this.#rights = new Uint8Array(length);
    this.#depths = new Uint8Array(length);
    this.#inHost = isNested ? new Float64Array(length) : null;
  }

  /** @internal */
  set(index: number, walk: Walk): void {
    this.#outcomes[index] = walk.outcome;
    this.#depths[index] = walk.depth;
    if (walk.outcome === OUTCOME.mapped) {
      this.#physical[index] = walk.physical;
      this.#rights[index] = walk.rights | (walk.executeDisabled === 0 ? EXEC : 0);
    } else {
      this.#physical[index] = responsibleAddressOf(walk);
      this.#errorCodes[index] = errorCodeOf(walk) ?? NO_ERROR_CODE;
    }
  }

  /**
   * Takes what both stages say, in the guest's own terms, as `translate` has it: what the second stage refuses is memory that is not
   * there.
   *
   * @internal
   */
  setNested(index: number, walk: NestedWalk): void {
    if (walk.isThrough) {
      this.set(index, walk.guest);
      if (this.#inHost !== null) this.#inHost[index] = walk.hostPhysicalAddress;
      return;
    }
    this.#outcomes[index] = OUTCOME.unbacked;
    this.#physical[index] = walk.guestPhysicalAddress;
    this.#errorCodes[index] = NO_ERROR_CODE;
  }

  isMapped(index: number): boolean {
    return this.#outcomes[index] === OUTCOME.mapped;
  }

  /** How many addresses are mapped, and may be accessed as asked. */
  countMapped(): number {
    return this.#outcomes.reduce((count, outcome) => count + (outcome === OUTCOME.mapped ? 1 : 0), 0);
  }

  /** Where the address leads; null when it is not mapped. */
  physicalAddress(index: number): bigint | null {
    return this.isMapped(index) ? BigInt(this.#physical[index] ?? 0) : null;
  }

  /**
   * Where the address leads in the hypervisor's memory, where the vCPU runs the guest of a guest; null when it is not mapped, and
   * where there is one stage.
   */
  hostPhysicalAddress(index: number): bigint | null {
    return this.#inHost !== null && this.isMapped(index) ? BigInt(this.#inHost[index] ?? 0) : null;
  }

  /** Rights over all levels of the guest's own tables; null when it is not mapped. */
  rights(index: number): Rights | null {
    if (!this.isMapped(index)) return null;
    const bits = this.#rights[index] ?? 0;
    return decodeRights(bits, (bits & EXEC) !== 0);
  }

  /** Bytes that the leaf, the guest's own, maps; null when the address is not mapped, or paging is off. */
  pageSize(index: number): number | null {
    const leaf = this.isMapped(index) ? this.context.levels[(this.#depths[index] ?? 0) - 1] : undefined;
    return leaf === undefined ? null : 2 ** leaf.shift;
  }

  /** Why not; null when it is mapped. */
  cause(index: number): FaultCause | null {
    return faultCauseOf(this.#outcomes[index] ?? OUTCOME.pending);
  }

  /** The error code that the processor would push; null when it is mapped, or where none is defined. */
  errorCode(index: number): number | null {
    const code = this.#errorCodes[index] ?? NO_ERROR_CODE;
    return this.isMapped(index) || code === NO_ERROR_CODE ? null : code;
  }

  /** Guest physical address of the responsible entry; null when it is mapped, or no entry is to blame. */
  responsibleAddress(index: number): bigint | null {
    const address = this.#physical[index] ?? -1;
    return this.isMapped(index) || address < 0 ? null : BigInt(address);
  }
}
