import { cr2AfterFault, type PagingContext, processorBits, type Translation } from '../../../src/paging/index.ts';
import { CR2_BEFORE, WINDOW } from '../processor-rig/layout.ts';
import { markerNumber } from '../processor-rig/marker.ts';
import { type ExpectedSample, MemoryAfter, unitOf } from '../processor-rig/memory/memory-after.ts';
import type { Place } from '../processor-rig/memory/rig-memory.ts';
import type { ProbeKind } from '../processor-rig/probe-kind.ts';
import { DESCRIPTOR_ACCESSED, type GuestMemory } from './guest-memory.ts';
import { NOWHERE, STORED, STORED_32, WINDOW_USER } from './layout.ts';

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

/** A probe, and the walker's answers for its accesses: all that are made, the last of which may fault. */
export interface Question {
  readonly kind: ProbeKind;
  readonly linear: bigint;
  readonly context: PagingContext;
  readonly translations: readonly Translation[];
}

type End = Omit<ExpectedOutcome, 'codeSegment' | 'samples'>;

const VECTOR_BREAKPOINT = 3;
const VECTOR_GP = 13;
const VECTOR_PF = 14;
const PLACE_BYTES = 16n;
const FETCHED_BYTES = 6n;
/** The selector of the LDT's first descriptor, as an error code. */
const SELECTOR_ERROR = 4;
const PF_USER = 4;
const SELECTOR_CODE_32 = 0x08;
const SELECTOR_CODE_64 = 0x18;
const SELECTOR_USER_CODE = 0x23;
/** Of CPL 1, without its RPL; that of CPL 2 is behind the code and the data of CPL 1. */
const SELECTOR_RING_CODE = 0x50;
const RING_BYTES = 16;

/**
 * What the walker's answer means for the guest: the exception that must end the probe, and memory afterwards.
 *
 * @returns null for a probe that must not be made, as it would use the guest's own memory or run what is no code.
 */
export function expectOutcome(question: Question, memory: GuestMemory): ExpectedOutcome | null {
  const after = new MemoryAfter(memory);
  const end = expectEnd(question, memory, after);
  return end && { ...end, codeSegment: codeSegmentOf(question), samples: after.samples() };
}

function expectEnd(question: Question, memory: GuestMemory, after: MemoryAfter): End | null {
  const { kind, translations } = question;
  const [first, second] = translations;
  if (first === undefined) throw new RangeError('a probe makes at least one access');
  setBits(question, first, after);
  if (first.kind === 'fault') return expectFault(question, first);
  const address = Number(first.physicalAddress);
  const place = memory.placeOf(address);
  if (!canBeMade(question, memory, address, place)) return null;
  if (kind.does === 'fetch') return expectFetch(question, memory, address, place);
  // What was read is no descriptor of a segment (its S bit is 0), and that is complained of.
  if (kind.does === 'implicit' || (kind.does === 'descriptor' && place !== 'pages')) return expectComplaint(question);
  const read = after.valueAt(address);
  if (second !== undefined) {
    setBits(question, second, after);
    if (second.kind === 'fault') return expectFault(question, second);
  }
  const isLoad = kind.does === 'load' || kind.does === 'stack';
  if (!isLoad) after.store(address, written(question, read));
  const value = isLoad ? inMode(question, read) : registerBefore(question);
  return { vector: VECTOR_BREAKPOINT, errorCode: 0, cr2: CR2_BEFORE, ip: behind(question), value };
}

/** What one walk leaves in its entries. */
function setBits({ context }: Question, translation: Translation, after: MemoryAfter): void {
  after.keep(translation.steps.map(({ address }) => Number(address)));
  after.set(processorBits(context, translation));
}

/** Code and descriptors are only what was made to be them, and zeros; the kernel's way to its window is not written to. */
function canBeMade({ kind, translations }: Question, memory: GuestMemory, address: number, place: Place): boolean {
  if (place === 'forbidden') return false;
  if (place === 'tables' && ['fetch', 'implicit', 'descriptor'].includes(kind.does)) return false;
  const writes = translations.some(({ access }) => access.write);
  return !writes || !memory.vitalUnits.has(unitOf(address));
}

function expectFault(question: Question, translation: Translation): End {
  const { context, kind } = question;
  if (translation.kind !== 'fault' || translation.vector === null || translation.errorCode === null) {
    throw new RangeError(`the walker has no error code for 0x${translation.linearAddress.toString(16)}`);
  }
  return {
    vector: translation.vector,
    errorCode: translation.errorCode,
    cr2: cr2AfterFault(context, translation) ?? CR2_BEFORE,
    // The fault of a fetch is reported at the address that could not be fetched.
    ip: kind.does === 'fetch' ? question.linear : placeOfAccess(question),
    value: registerBefore(question),
  };
}

function expectComplaint(question: Question): End {
  const complaint = { vector: VECTOR_GP, errorCode: SELECTOR_ERROR, cr2: CR2_BEFORE };
  return { ...complaint, ip: placeOfAccess(question), value: registerBefore(question) };
}

/**
 * Zeros are `add [xax], al` with an address in xax where nothing is. TCG makes such an instruction's read first, and reports
 * that one: W/R is 0, where a processor has 1. That is the fault of a later access, not of the fetch.
 */
function expectFetch(question: Question, memory: GuestMemory, address: number, place: Place): End {
  if (place !== 'pages') {
    const errorCode = question.kind.user ? PF_USER : 0;
    const nowhere = registerBefore(question);
    return { vector: VECTOR_PF, errorCode, cr2: nowhere, ip: question.linear, value: nowhere };
  }
  const ip = inMode(question, question.linear + FETCHED_BYTES);
  const value = BigInt(markerNumber(memory, address));
  return { vector: VECTOR_BREAKPOINT, errorCode: 0, cr2: CR2_BEFORE, ip, value };
}

/** What a probe leaves in the eight bytes at its address, of which a 32-bit store writes four. */
function written(question: Question, read: bigint): bigint {
  const { does } = question.kind;
  if (does === 'descriptor') return read | DESCRIPTOR_ACCESSED;
  const stored = registerBefore(question);
  const value = inMode(question, does === 'modify' ? read + stored : stored);
  return isLong(question) ? BigInt.asUintN(64, value) : ((read >> 32n) << 32n) | value;
}

/** For a store the register holds what is stored, and is the same else, but for fetches: see expectFetch. */
function registerBefore(question: Question): bigint {
  if (question.kind.does === 'fetch') return inMode(question, NOWHERE);
  return isLong(question) ? STORED : STORED_32;
}

function placeOfAccess(question: Question): bigint {
  const { kind } = question;
  const place = BigInt(kind.place) * PLACE_BYTES;
  return inMode(question, (kind.user ? WINDOW_USER : WINDOW) + place);
}

/** Where int3 leaves the instruction pointer. The instructions before it have one length each in 32-bit and in 64-bit code. */
function behind(question: Question): bigint {
  const bytes = { load: 3n, store: 3n, modify: 3n, stack: 4n, descriptor: 2n, implicit: 2n, fetch: 0n }[
    question.kind.does
  ];
  const prefixBytes = isLong(question) || question.kind.does === 'descriptor' ? 0n : 1n;
  return placeOfAccess(question) + bytes - prefixBytes + 1n;
}

function codeSegmentOf(question: Question): number {
  const { cpl } = question.kind;
  if (cpl === 3) return SELECTOR_USER_CODE;
  if (cpl !== 0) return SELECTOR_RING_CODE + (cpl - 1) * RING_BYTES + cpl;
  return isLong(question) ? SELECTOR_CODE_64 : SELECTOR_CODE_32;
}

function isLong({ context }: Question): boolean {
  return context.linearBits !== 32;
}

function inMode(question: Question, address: bigint): bigint {
  return isLong(question) ? address : BigInt.asUintN(32, address);
}
