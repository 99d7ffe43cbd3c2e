import {
  asAnswer,
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
} from '../../paging/internal.ts';
import { type Assumption, isSaid } from '../vcpu/assumption.ts';
import type { Machine } from '../vcpu/machine.ts';

const NO_ERROR_CODE = 0xffff;
const EXEC = 1;
/** In place of the depth, where the second stage refuses the page that the nested guest's own tables lead to. */
const PAGE_REFUSED = 0xff;

/** What a table says of one address. @public */
export interface TranslationRow {
  /** Why the address leads nowhere; null when it is mapped. */
  readonly cause: FaultCause | null;
  readonly physicalAddress: bigint | null;
  /** Where it leads in the memory of the hypervisor (L1) of a nested guest (L2); null where there is one stage. */
  readonly l1PhysicalAddress: bigint | null;
  readonly pageSizeBytes: number | null;
  readonly rights: Rights | null;
  readonly errorCode: number | null;
  readonly responsibleAddress: bigint | null;
  /** L2 physical address of the page that the second stage of a nested guest refuses; null where another thing failed. */
  readonly refusedPageAddress: bigint | null;
  /** What the answer rests on that was unavailable. */
  readonly assumed: readonly Assumption[];
  /** Whether the machine that runs the guest would answer otherwise; null where that was not asked for. */
  readonly deviates: boolean | null;
}

/** An assumption, and the addresses whose outcome may change with it: 1 for each that does. */
interface AssumptionColumn {
  readonly assumption: Assumption;
  readonly decides: Uint8Array;
}

/** Side by side, an element for each address. */
interface Columns {
  readonly outcomes: Uint8Array;
  /** Where a mapped address leads, or the entry that is to blame; the page that the second stage refuses. */
  readonly physical: Float64Array;
  readonly errorCodes: Uint16Array;
  readonly rights: Uint8Array;
  readonly depths: Uint8Array;
  /** Where a mapped address leads in the memory of the hypervisor (L1) of a nested guest. */
  readonly inL1: Float64Array | null;
}

/**
 * The answers to many addresses, as columns: no object for each. An index is the position of the address in the question.
 *
 * @public
 */
export class TranslationTable {
  readonly length: number;
  readonly context: PagingContext;
  /** Names of the ROM in which tables lie that this question, or one before it in the same pause, has read. */
  tablesInRom: readonly string[] = [];
  /** @internal */
  readonly columns: Columns;
  /** @internal */
  readonly assumptions: AssumptionColumn[] = [];
  /** @internal 1 for each address that the machine answers otherwise. */
  deviations: Uint8Array | null = null;
  /** The machine that `deviates` compares with; null where that was not asked for. */
  machine: Machine | null = null;

  /** @internal */
  constructor(length: number, context: PagingContext, isNested = false) {
    this.length = length;
    this.context = context;
    this.columns = {
      outcomes: new Uint8Array(length),
      physical: new Float64Array(length),
      errorCodes: new Uint16Array(length),
      rights: new Uint8Array(length),
      depths: new Uint8Array(length),
      inL1: isNested ? new Float64Array(length) : null,
    };
  }

  /** @internal */
  set(index: number, walk: Walk): void {
    const { outcomes, depths, physical, rights, errorCodes } = this.columns;
    outcomes[index] = walk.outcome;
    depths[index] = walk.depth;
    if (walk.outcome === OUTCOME.mapped) {
      physical[index] = walk.physical;
      rights[index] = walk.rights | (walk.executeDisabled === 0 ? EXEC : 0);
    } else {
      physical[index] = responsibleAddressOf(walk);
      errorCodes[index] = errorCodeOf(walk) ?? NO_ERROR_CODE;
    }
  }

  /**
   * Takes what both stages say, in the guest's own terms, as `translate` has it: what the second stage refuses is memory that is not
   * there.
   *
   * @internal
   */
  setNested(index: number, walk: NestedWalk): void {
    const { outcomes, physical, depths, errorCodes, inL1 } = this.columns;
    if (walk.isThrough) {
      this.set(index, walk.guest);
      if (inL1 !== null) inL1[index] = walk.l1PhysicalAddress;
      return;
    }
    outcomes[index] = OUTCOME.unbacked;
    physical[index] = walk.l2PhysicalAddress;
    depths[index] = walk.isAtPage ? PAGE_REFUSED : 0;
    errorCodes[index] = NO_ERROR_CODE;
  }

  /** Whether two tables say the same of an address. @internal */
  isSameAt(index: number, other: TranslationTable): boolean {
    const { outcomes, physical, errorCodes, inL1 } = this.columns;
    return (
      outcomes[index] === other.columns.outcomes[index] &&
      physical[index] === other.columns.physical[index] &&
      errorCodes[index] === other.columns.errorCodes[index] &&
      this.#isPageRefused(index) === other.#isPageRefused(index) &&
      inL1?.[index] === other.columns.inL1?.[index]
    );
  }

  /** @internal */
  addAssumption(assumption: Omit<Assumption, 'decides'>, decides: Uint8Array): void {
    this.assumptions.push({ assumption: { ...assumption, decides: decides.includes(1) }, decides });
  }

  /** Takes what the machine that runs the guest makes of the same question. @internal */
  compareWith(onMachine: TranslationTable, machine: Machine): void {
    this.machine = machine;
    // What a processor reads of a table in no memory is not defined in the first place.
    const isUnbacked = (at: number): boolean =>
      this.columns.outcomes[at] === OUTCOME.unbacked && this.columns.inL1 === null;
    this.deviations = this.columns.outcomes.map((_, at) => (isUnbacked(at) || this.isSameAt(at, onMachine) ? 0 : 1));
  }

  isMapped(index: number): boolean {
    return this.columns.outcomes[index] === OUTCOME.mapped;
  }

  /** How many addresses are mapped, and may be accessed as asked. */
  countMapped(): number {
    return this.columns.outcomes.reduce((count, outcome) => count + (outcome === OUTCOME.mapped ? 1 : 0), 0);
  }

  /** Where the address leads; null when it is not mapped. */
  physicalAddress(index: number): bigint | null {
    return this.isMapped(index) ? BigInt(this.columns.physical[index] ?? 0) : null;
  }

  /**
   * Where the address leads in the hypervisor's memory, where the vCPU runs a nested guest; null when it is not mapped, and where
   * there is one stage.
   */
  l1PhysicalAddress(index: number): bigint | null {
    const { inL1 } = this.columns;
    return inL1 !== null && this.isMapped(index) ? BigInt(inL1[index] ?? 0) : null;
  }

  /** Rights over all levels of the guest's own tables; null when it is not mapped. */
  rights(index: number): Rights | null {
    if (!this.isMapped(index)) return null;
    const bits = this.columns.rights[index] ?? 0;
    return decodeRights(bits, (bits & EXEC) !== 0);
  }

  /** Bytes that the leaf, the guest's own, maps; null when the address is not mapped, or paging is off. */
  pageSizeBytes(index: number): number | null {
    const leaf = this.isMapped(index) ? this.context.levels[(this.columns.depths[index] ?? 0) - 1] : undefined;
    return leaf === undefined ? null : 2 ** leaf.shift;
  }

  /** Why not; null when it is mapped. */
  cause(index: number): FaultCause | null {
    return faultCauseOf(this.columns.outcomes[index] ?? OUTCOME.pending);
  }

  /** The error code that the processor would push; null when it is mapped, or where none is defined. */
  errorCode(index: number): number | null {
    const code = this.columns.errorCodes[index] ?? NO_ERROR_CODE;
    return this.isMapped(index) || code === NO_ERROR_CODE ? null : code;
  }

  /** Guest physical address of the responsible entry; null when it is mapped, or no entry is to blame. */
  responsibleAddress(index: number): bigint | null {
    const address = this.columns.physical[index] ?? -1;
    return this.isMapped(index) || address < 0 || this.#isPageRefused(index) ? null : BigInt(address);
  }

  /** L2 physical address of the page that the second stage of a nested guest refuses; null where another thing failed. */
  refusedPageAddress(index: number): bigint | null {
    return this.#isPageRefused(index) ? BigInt(this.columns.physical[index] ?? 0) : null;
  }

  #isPageRefused(index: number): boolean {
    return this.columns.outcomes[index] === OUTCOME.unbacked && this.columns.depths[index] === PAGE_REFUSED;
  }

  /** What the answer rests on that was unavailable; without an index what any of them rests on. */
  assumed(index?: number): readonly Assumption[] {
    return this.assumptions
      .map(({ assumption, decides }) =>
        index === undefined ? assumption : { ...assumption, decides: decides[index] === 1 },
      )
      .filter(isSaid);
  }

  /** Whether the machine that runs the guest would answer otherwise; null where that was not asked for. */
  deviates(index: number): boolean | null {
    return this.deviations && this.deviations[index] === 1;
  }

  /** How many addresses the machine that runs the guest would answer otherwise, as far as that was asked for. */
  countDeviations(): number {
    return this.deviations === null ? 0 : this.deviations.reduce((count, deviates) => count + deviates, 0);
  }

  /** Everything of one address. */
  at(index: number): TranslationRow {
    return asAnswer({
      cause: this.cause(index),
      physicalAddress: this.physicalAddress(index),
      l1PhysicalAddress: this.l1PhysicalAddress(index),
      pageSizeBytes: this.pageSizeBytes(index),
      rights: this.rights(index),
      errorCode: this.errorCode(index),
      responsibleAddress: this.responsibleAddress(index),
      refusedPageAddress: this.refusedPageAddress(index),
      assumed: this.assumed(index),
      deviates: this.deviates(index),
    });
  }

  /** The rows, for `JSON.stringify`. */
  toJSON(): readonly TranslationRow[] {
    return Array.from({ length: this.length }, (_, index) => this.at(index));
  }
}
