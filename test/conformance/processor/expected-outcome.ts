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
  /** What was loaded, or by the code that was fetched; null where nothing was. */
  readonly value: bigint | null;
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

/**
 * What the walker's answer means for the guest: the exception that must end the probe, and memory afterwards.
 *
 * @returns null for a probe that must not be made, as it would use the guest's own memory or run what is no code.
 */
export function expectOutcome(question: Question, memory: GuestMemory): ExpectedOutcome | null {
  const { translation } = question;
  const after = new MemoryAfter(question, memory);
  if (translation.kind === 'fault') return expectFault(question, after);
  const address = Number(translation.physicalAddress);
  const place = memory.placeOf(address);
  if (place === 'kernel' || place === 'devices') return null;
  const { does } = question.kind;
  // Code and descriptors are only what was made to be them, and zeros.
  if (place === 'tables' && (does === 'fetch' || does === 'implicit')) return null;
  const breakpoint = { vector: VECTOR_BREAKPOINT, errorCode: 0, cr2: CR2_BEFORE };
  switch (does) {
    case 'load':
      return { ...breakpoint, ip: behind(question), value: after.valueAt(address), samples: after.samples() };
    case 'store':
      if (place !== 'nothing') after.store(address);
      return { ...breakpoint, ip: behind(question), value: null, samples: after.samples() };
    case 'fetch': {
      if (place !== 'pages') return { ...expectZerosRun(question), samples: after.samples() };
      const ip = inMode(question, question.linear + FETCHED_BYTES);
      return { ...breakpoint, ip, value: BigInt(markerNumber(memory, address)), samples: after.samples() };
    }
    case 'implicit':
      // What was read is no descriptor of a segment (its S bit is 0), and that is complained of.
      return {
        vector: VECTOR_GP,
        errorCode: SELECTOR_ERROR,
        cr2: CR2_BEFORE,
        ip: placeOfAccess(question),
        value: null,
        samples: after.samples(),
      };
  }
}

function expectFault(question: Question, after: MemoryAfter): ExpectedOutcome {
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
    value: null,
    samples: after.samples(),
  };
}

/**
 * Zeros are `add [xax], al` with an address in xax where nothing is. TCG makes such an instruction's read first, and reports
 * that one: W/R is 0, where a processor has 1. That is the fault of a later access, not of the fetch.
 */
function expectZerosRun(question: Question): Omit<ExpectedOutcome, 'samples'> {
  const nowhere = inMode(question, NOWHERE);
  return {
    vector: VECTOR_PF,
    errorCode: question.kind.user ? PF_USER : 0,
    cr2: nowhere,
    ip: question.linear,
    value: nowhere,
  };
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
