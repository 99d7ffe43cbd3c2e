import {
  cr2AfterFault,
  type NestedContext,
  type NestedPlannedBits,
  type NestedTranslation,
  type PagingContext,
  processorNestedBits,
  type WalkStep,
} from '../../../../src/paging/index.ts';
import { CR2_BEFORE } from '../../processor-rig/layout.ts';
import { markerNumber } from '../../processor-rig/marker.ts';
import { type ExpectedSample, MemoryAfter, unitOf } from '../../processor-rig/memory/memory-after.ts';
import type { Place } from '../../processor-rig/memory/rig-memory.ts';
import type { Doing, ProbeKind } from '../../processor-rig/probe-kind.ts';
import { WINDOW_32, WINDOW_CODE, WINDOW_USER } from '../layout.ts';
import type { HostMemory } from '../tables/host-memory.ts';

/** What a probe must come to, if the walker is right. */
export interface ExpectedOutcome {
  readonly exitCode: bigint;
  readonly exitInfo1: bigint;
  readonly exitInfo2: bigint;
  readonly rip: bigint;
  readonly rax: bigint;
  /** Every entry on the way, and what was stored. */
  readonly samples: readonly ExpectedSample[];
}

/** A probe, and the walker's answer. */
export interface Question {
  readonly kind: ProbeKind;
  readonly linear: bigint;
  readonly is64Bit: boolean;
  readonly context: PagingContext;
  readonly nested: NestedContext;
  readonly translation: NestedTranslation;
  /** What fetching the code sets. */
  readonly prelude: readonly NestedPlannedBits[];
}

type End = Omit<ExpectedOutcome, 'samples'>;

/** Exit codes. APM vol. 2, appendix C. */
const EXIT_EXCEPTION = 0x40n;
const EXIT_VMMCALL = 0x81n;
const EXIT_NPF = 0x400n;
/** None of the processor's: the walker does not say. */
const EXIT_UNKNOWN = 0xdead_deadn;
const VECTOR_GP = 13;
const VECTOR_PF = 14;
/** The first descriptor after the null one, which an implicit access loads. */
const SELECTOR = 8n;
/** Where it is in the GDT. */
export const DESCRIPTOR_OFFSET = 8n;
/** Where in the guest's code the accesses are, and in `implicit` the second instruction. */
const places: Readonly<Partial<Record<Doing, number>>> = { load: 0, store: 16, implicit: 32 };
const SEGMENT_LOAD_OFFSET = 5n;
const FETCHED_BYTES = 5n;

/**
 * What the walker's answer means for the hypervisor: how its guest must come back, and memory afterwards.
 *
 * @returns null for a probe that must not be made, as it would use what guest or hypervisor live on, or run what is no code.
 */
export function expectOutcome(question: Question, memory: HostMemory): ExpectedOutcome | null {
  const { translation, context, nested, prelude } = question;
  const after = new MemoryAfter(memory);
  after.keep(entriesOf(translation));
  after.set(prelude);
  after.set(processorNestedBits(translation, context, nested));
  const end = expectEnd(question, memory, after);
  return end && { ...end, samples: after.samples() };
}

/** Host-physical addresses of all entries used: the nested ones, and the guest's where the second stage has them. */
function* entriesOf({ walks }: NestedTranslation): Generator<number> {
  for (const { steps, purpose, l1PhysicalAddress } of walks) {
    for (const { address } of steps as readonly WalkStep[]) yield Number(address);
    if (purpose === 'table' && l1PhysicalAddress !== null) yield Number(l1PhysicalAddress);
  }
}

/** Where the code is that makes an access. */
export function placeOfCode(kind: ProbeKind, is64Bit: boolean): bigint {
  const offset = (places[kind.does] ?? 0) + (is64Bit ? 0 : WINDOW_32);
  return BigInt((kind.user ? WINDOW_USER : WINDOW_CODE) + offset);
}

/** RAX when the guest starts: an address, for accesses that are made with one. */
export function raxBefore(kind: ProbeKind, linear: bigint): bigint {
  return kind.does === 'load' || kind.does === 'store' ? linear : 0n;
}

function expectEnd(question: Question, memory: HostMemory, after: MemoryAfter): End | null {
  const { translation, kind, linear, is64Bit } = question;
  if (translation.kind === 'guest-fault') return expectGuestFault(question, translation);
  if (translation.kind === 'nested-fault') return expectNestedFault(question, translation);
  const address = Number(translation.l1PhysicalAddress);
  if (!canBeMade(kind, address, memory)) return null;
  const done = { exitCode: EXIT_VMMCALL, exitInfo1: 0n, exitInfo2: 0n };
  const instructionBytes = is64Bit ? 3n : 2n;
  switch (kind.does) {
    case 'load':
      return { ...done, rip: ripOf(question) + instructionBytes, rax: inMode(is64Bit, after.valueAt(address)) };
    case 'store':
      after.store(address, stored(is64Bit, linear, after.valueAt(address)));
      return { ...done, rip: ripOf(question) + instructionBytes, rax: linear };
    case 'fetch':
      return { ...done, rip: linear + FETCHED_BYTES, rax: BigInt(markerNumber(memory, address)) };
    default:
      // What was read is no descriptor of a segment (its S bit is 0), and that is complained of.
      return {
        exitCode: EXIT_EXCEPTION + BigInt(VECTOR_GP),
        exitInfo1: SELECTOR,
        exitInfo2: 0n,
        rip: ripOf(question),
        rax: SELECTOR,
      };
  }
}

/** Code is only what was made to be it, descriptors also zeros; the way to the guest's code is not written to. */
function canBeMade(kind: ProbeKind, address: number, memory: HostMemory): boolean {
  const allowed: readonly Place[] =
    kind.does === 'fetch'
      ? ['pages']
      : kind.does === 'implicit'
        ? ['pages', 'zeros', 'nothing']
        : ['pages', 'tables', 'zeros', 'nothing'];
  if (!allowed.includes(memory.placeOf(address))) return false;
  return kind.does !== 'store' || !memory.isVital(unitOf(address));
}

type Answer<K extends NestedTranslation['kind']> = Extract<NestedTranslation, { kind: K }>;

function expectGuestFault(question: Question, { guest }: Answer<'guest-fault'>): End {
  const { errorCode, vector } = guest;
  if (errorCode === null || vector === null) return noAnswer(question);
  // TCG leaves in EXITINFO2 what would be in CR2, for a #GP too.
  const cr2 = cr2AfterFault(question.context, guest) ?? CR2_BEFORE;
  return {
    exitCode: EXIT_EXCEPTION + BigInt(vector),
    exitInfo1: BigInt(errorCode),
    exitInfo2: vector === VECTOR_PF || guest.cause === 'non-canonical' ? cr2 : 0n,
    ...stopped(question),
  };
}

function expectNestedFault(question: Question, translation: Answer<'nested-fault'>): End {
  const { exitInfo1, l2PhysicalAddress } = translation;
  if (exitInfo1 === null) return noAnswer(question);
  return { exitCode: EXIT_NPF, exitInfo1, exitInfo2: l2PhysicalAddress, ...stopped(question) };
}

/** The processor will have one, so this is a disagreement. */
function noAnswer(question: Question): End {
  return { exitCode: EXIT_UNKNOWN, exitInfo1: 0n, exitInfo2: 0n, ...stopped(question) };
}

/** At the instruction that could not be done. */
function stopped(question: Question): Pick<End, 'rip' | 'rax'> {
  const { kind, linear } = question;
  if (kind.does === 'fetch') return { rip: linear, rax: 0n };
  return { rip: ripOf(question), rax: kind.does === 'implicit' ? SELECTOR : linear };
}

function ripOf({ kind, is64Bit }: Question): bigint {
  return placeOfCode(kind, is64Bit) + (kind.does === 'implicit' ? SEGMENT_LOAD_OFFSET : 0n);
}

/** What is stored is the address it is stored at. */
function stored(is64Bit: boolean, linear: bigint, before: bigint): bigint {
  return is64Bit ? linear : ((before >> 32n) << 32n) | BigInt.asUintN(32, linear);
}

function inMode(is64Bit: boolean, value: bigint): bigint {
  return is64Bit ? value : BigInt.asUintN(32, value);
}
