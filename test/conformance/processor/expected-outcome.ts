import { cr2AfterFault, type PagingContext, processorBits, type Translation } from '../../../src/paging/index.ts';
import { type GuestMemory, markerNumber } from './guest-memory.ts';
import { CR2_BEFORE, NOWHERE, STORED, STORED_32, WINDOW, WINDOW_USER } from './layout.ts';
import type { ProbeKind } from './probe-kind.ts';

/** Eight bytes of physical memory, as they must be after a probe. */
export interface ExpectedSample {
  readonly address: number;
  readonly after: bigint;
}

/** What a probe must come to, if the walker is right. */
export interface ExpectedOutcome {
  readonly vector: number;
  readonly errorCode: number;
  readonly cr2: bigint;
  readonly ip: bigint;
  /** The register into which the access loads, or the code that it fetches; as it was before where neither came to pass. */
  readonly value: bigint;
  /** CS where the exception comes from. */
  readonly codeSegment: number;
  /** Every entry on the way, and what was stored. */
  readonly samples: readonly ExpectedSample[];
}

export interface Question {
  readonly kind: ProbeKind;
  readonly linear: bigint;
  readonly context: PagingContext;
  readonly translation: Translation;
}

const VECTOR_BREAKPOINT = 3;
const VECTOR_GP = 13;
const VECTOR_PF = 14;
const PLACE_BYTES = 16n;
const FETCHED_BYTES = 6n;
/** The selector that an implicit access loads, as an error code: the first entry of the LDT. */
const SELECTOR_ERROR = 4;
const PF_USER = 4;
const UNIT = 8;
const SELECTOR_CODE_32 = 0x08;
const SELECTOR_CODE_64 = 0x18;
const SELECTOR_USER_CODE = 0x23;

/**
 * What the walker's answer means for the guest: the exception that must end the probe, and memory afterwards.
 *
 * @returns null for a probe that must not be made, as it would use the guest's own memory or run what is no code.
 */
export function expectOutcome(question: Question, memory: GuestMemory): ExpectedOutcome | null {
  const after = new MemoryAfter(question, memory);
  const outcome = expectEnd(question, memory, after);
  return outcome && { ...outcome, codeSegment: codeSegmentOf(question), samples: after.samples() };
}

type End = Omit<ExpectedOutcome, 'codeSegment' | 'samples'>;

function expectEnd(question: Question, memory: GuestMemory, after: MemoryAfter): End | null {
  const { translation, kind } = question;
  if (translation.kind === 'fault') return expectFault(question);
  const address = Number(translation.physicalAddress);
  const place = memory.placeOf(address);
  if (place === 'forbidden') return null;
  // Code and descriptors are only what was made to be them, and zeros.
  if (place === 'tables' && (kind.does === 'fetch' || kind.does === 'implicit')) return null;
  if (kind.does === 'store' && memory.vitalUnits.has(address - (address % UNIT))) return null;
  const breakpoint = { vector: VECTOR_BREAKPOINT, errorCode: 0, cr2: CR2_BEFORE };
  switch (kind.does) {
    case 'load':
      return { ...breakpoint, ip: behind(question), value: after.valueAt(address) };
    case 'store':
      if (place !== 'nothing') after.store(address);
      return { ...breakpoint, ip: behind(question), value: valueBefore(question) };
    case 'fetch': {
      if (place !== 'pages') return expectZerosRun(question);
      const ip = inMode(question, question.linear + FETCHED_BYTES);
      return { ...breakpoint, ip, value: BigInt(markerNumber(memory, address)) };
    }
    case 'implicit': {
      // What was read is no descriptor of a segment (its S bit is 0), and that is complained of.
      const complaint = { vector: VECTOR_GP, errorCode: SELECTOR_ERROR, cr2: CR2_BEFORE };
      return { ...complaint, ip: placeOfAccess(question), value: valueBefore(question) };
    }
  }
}

function expectFault(question: Question): End {
  const { context, translation, kind, linear } = question;
  if (translation.kind !== 'fault' || translation.errorCode === null) {
    throw new RangeError(
      `the walker has no error code for 0x${linear.toString(16)}, though the processor will have one`,
    );
  }
  return {
    vector: translation.vector,
    errorCode: translation.errorCode,
    cr2: cr2AfterFault(context, translation) ?? CR2_BEFORE,
    // The fault of a fetch is reported at the address that could not be fetched.
    ip: kind.does === 'fetch' ? linear : placeOfAccess(question),
    value: valueBefore(question),
  };
}

/**
 * Zeros are `add [xax], al` with an address in xax where nothing is. TCG makes such an instruction's read first, and reports
 * that one: W/R is 0, where a processor has 1. That is the fault of a later access, not of the fetch.
 */
function expectZerosRun(question: Question): End {
  const nowhere = inMode(question, NOWHERE);
  return {
    vector: VECTOR_PF,
    errorCode: question.kind.user ? PF_USER : 0,
    cr2: nowhere,
    ip: question.linear,
    value: valueBefore(question),
  };
}

/** For a store the register holds what is stored, and is the same else, but for fetches: see expectZerosRun. */
function valueBefore(question: Question): bigint {
  if (question.kind.does === 'fetch') return inMode(question, NOWHERE);
  return isLong(question) ? STORED : STORED_32;
}

function placeOfAccess(question: Question): bigint {
  const { kind } = question;
  const place = BigInt(kind.number % 4) * PLACE_BYTES;
  return inMode(question, (kind.user ? WINDOW_USER : WINDOW) + place);
}

/** Where int3 leaves the instruction pointer: behind it, so within the 16 bytes but not at their start. */
function behind(question: Question): bigint {
  const instructionBytes = isLong(question) ? 3n : 2n;
  return placeOfAccess(question) + instructionBytes + 1n;
}

function codeSegmentOf(question: Question): number {
  if (question.kind.user) return SELECTOR_USER_CODE;
  return isLong(question) ? SELECTOR_CODE_64 : SELECTOR_CODE_32;
}

function isLong({ context }: Question): boolean {
  return context.linearBits !== 32;
}

function inMode(question: Question, address: bigint): bigint {
  return isLong(question) ? address : BigInt.asUintN(32, address);
}

/** Memory as it must be after a probe, in units of eight bytes. */
class MemoryAfter {
  readonly #question: Question;
  readonly #memory: GuestMemory;
  readonly #units = new Map<number, bigint>();

  constructor(question: Question, memory: GuestMemory) {
    this.#question = question;
    this.#memory = memory;
    for (const { address } of question.translation.steps) this.#unit(Number(address));
    for (const { address, accessed, dirty } of processorBits(question.context, question.translation)) {
      const at = Number(address);
      const bits = (accessed ? 0x20n : 0n) | (dirty ? 0x40n : 0n);
      this.#set(at, this.#unit(at) | (bits << BigInt(8 * (at % UNIT))));
    }
  }

  samples(): ExpectedSample[] {
    return [...this.#units].map(([address, after]) => ({ address, after }));
  }

  valueAt(address: number): bigint {
    if (this.#memory.placeOf(address) === 'nothing') return 0n;
    const known = this.#units.get(address - (address % UNIT));
    const value = known ?? this.#memory.readEntry(BigInt(address), 8) ?? 0n;
    return isLong(this.#question) ? value : BigInt.asUintN(32, value);
  }

  store(address: number): void {
    const before = this.#unit(address);
    this.#set(address, isLong(this.#question) ? STORED : ((before >> 32n) << 32n) | STORED_32);
  }

  /** Memory that is not there is neither looked at nor kept. */
  #unit(address: number): bigint {
    const unit = address - (address % UNIT);
    const known = this.#units.get(unit);
    if (known !== undefined) return known;
    const value = this.#memory.readEntry(BigInt(unit), UNIT);
    if (value === null) return 0n;
    this.#units.set(unit, value);
    return value;
  }

  #set(address: number, value: bigint): void {
    const unit = address - (address % UNIT);
    if (this.#units.has(unit)) this.#units.set(unit, value);
  }
}
