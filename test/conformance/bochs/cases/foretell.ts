import {
  type Access,
  cr2AfterFault,
  createContext,
  createEpt,
  type FaultedTranslation,
  type NestedContext,
  type NestedTranslation,
  type PagingContext,
  type Profile,
  processorBits,
  processorNestedBits,
  type Translation,
  translate,
  translateNested,
} from '../../../../src/paging/index.ts';
import { markerNumberAt } from '../../processor-rig/marker.ts';
import { StrayWalkError } from '../../processor-rig/memory/rig-memory.ts';
import { PAGES, PAGES_BYTES } from '../layout.ts';
import { type BochsMachine, hasFeature, isLong, MAX_PHY_ADDR } from '../machine.ts';
import type { BochsCase } from './bochs-case.ts';
import type { CaseMemory } from './case-memory.ts';

/** How a case ends: a VM exit, and memory that is not as it was. */
export interface Ending {
  readonly reason: number;
  /** Of an exception (reason 0). */
  readonly vector: number | null;
  /** Null where the exception has none. */
  readonly errorCode: number | null;
  /** CR2 of a #PF; the qualification of an EPT violation. */
  readonly qualification: bigint | null;
  readonly guestLinear: bigint | null;
  readonly guestPhysical: bigint | null;
  readonly rax: bigint;
  readonly changed: ReadonlyMap<number, bigint>;
}

/** The walker's word for a case. */
export interface Foretold {
  readonly ending: Ending;
  /** The one that decides: the case's own, or the fetch of its code, which goes through the same root. */
  readonly access: Access;
  readonly translation: Translation | NestedTranslation;
  /** The page that is written, and what is there before. */
  readonly page: { readonly address: number; readonly before: bigint } | null;
}

const EXIT_EXCEPTION = 0;
const EXIT_EPT_VIOLATION = 48;
const EXIT_EPT_MISCONFIGURATION = 49;
const VECTOR_BREAKPOINT = 3;
const VECTOR_GP = 13;
const VECTOR_PF = 14;
const SELECTOR = 4;
const MARKER_MOV = 0xb8n;
const MARKER_INT3 = 0xccn;

/**
 * Asks the walker.
 *
 * @throws StrayWalkError for a case that must not be made: it reads an entry of no case, or ends outside the pages
 */
export function foretell(drawn: BochsCase, machine: BochsMachine, profile: Profile, memory = drawn.memory): Foretold {
  const stages = new Stages(drawn, machine, profile);
  const codeFetch = { write: false, exec: true, user: drawn.kind.user };
  const fetch = stages.walk(memory, drawn.code, codeFetch);
  const second = fetch.kind === 'mapped' ? stages.walk(memory, drawn.linear, drawn.kind.access) : null;
  const translation = second ?? fetch;
  const access = second === null ? codeFetch : drawn.kind.access;
  const changed = new Map<number, bigint>();
  for (const walk of second === null ? [fetch] : [fetch, second]) {
    for (const { address, accessed, dirty, usageBits } of stages.bitsOf(walk)) {
      const unit = Number(address) - (Number(address) % 8);
      const shift = BigInt(8 * (Number(address) - unit));
      const before = changed.get(unit) ?? memory.readEntry(BigInt(unit), 8);
      const set = (accessed ? usageBits.accessed : 0n) | (dirty ? usageBits.dirty : 0n);
      changed.set(unit, before | (set << shift));
    }
  }
  const end = { rax: drawn.kind.rax, guestLinear: null, guestPhysical: null, qualification: null, changed };
  switch (translation.kind) {
    case 'fault':
      return { ending: { ...end, ...faultOf(stages, translation) }, access, translation, page: null };
    case 'guest-fault':
      return { ending: { ...end, ...faultOf(stages, translation.guest) }, access, translation, page: null };
    case 'nested-fault':
      return { ending: { ...end, ...exitOf(translation) }, access, translation, page: null };
    case 'mapped': {
      const address = Number('nestedKind' in translation ? translation.l1PhysicalAddress : translation.physicalAddress);
      return { access, translation, ...accessDone(drawn, isLong(machine), address, end) };
    }
  }
}

/** One stage or two, asked in the same way. */
class Stages {
  readonly #context: PagingContext;
  readonly #nested: NestedContext | null;

  constructor({ registers, ept }: BochsCase, machine: BochsMachine, profile: Profile) {
    this.#context = createContext(registers, { maxPhyAddr: MAX_PHY_ADDR, vendor: 'intel', profile });
    this.#nested =
      ept &&
      createEpt(ept.pointer, {
        maxPhyAddr: MAX_PHY_ADDR,
        modeBasedExecute: ept.modeBasedExecute,
        supervisorShadowStack: hasFeature(machine, 'sss'),
        advancedExitInformation: hasFeature(machine, 'mbe'),
      });
  }

  get context(): PagingContext {
    return this.#context;
  }

  walk(memory: CaseMemory, linear: bigint, access: BochsCase['kind']['access']): Translation | NestedTranslation {
    return this.#nested === null
      ? translate(this.#context, memory, linear, access)
      : translateNested(this.#context, this.#nested, memory, linear, access);
  }

  bitsOf(translation: Translation | NestedTranslation): ReturnType<typeof processorBits> {
    return 'nestedKind' in translation && this.#nested !== null
      ? processorNestedBits(translation, this.#context, this.#nested)
      : processorBits(this.#context, translation as Translation);
  }
}

type Exit = Pick<Ending, 'reason' | 'vector' | 'errorCode' | 'qualification'>;

function faultOf({ context }: Stages, fault: FaultedTranslation): Exit {
  const { vector, errorCode } = fault;
  if (vector === null || errorCode === null) throw new StrayWalkError('a fault without a code');
  const qualification = vector === VECTOR_PF ? cr2AfterFault(context, fault) : null;
  return { reason: EXIT_EXCEPTION, vector, errorCode, qualification };
}

type NestedFault = Extract<NestedTranslation, { kind: 'nested-fault' }>;

function exitOf({ cause, exitQualification, l2PhysicalAddress, untaggedAddress }: NestedFault): Partial<Ending> & Exit {
  const exit = { vector: null, errorCode: null, guestPhysical: l2PhysicalAddress };
  if (cause === 'misconfiguration') return { ...exit, reason: EXIT_EPT_MISCONFIGURATION, qualification: null };
  return { ...exit, reason: EXIT_EPT_VIOLATION, qualification: exitQualification, guestLinear: untaggedAddress };
}

/** What is in the pages before: the ROM's pattern, and zeros in the second eight bytes of every sixteen. */
function pageBefore(address: number): bigint {
  if (address % 16 !== 0) return 0n;
  return MARKER_MOV | (BigInt(markerNumberAt(address, false)) << 8n) | (MARKER_INT3 << 40n);
}

function accessDone(
  { kind }: BochsCase,
  is64Bit: boolean,
  address: number,
  end: Omit<Ending, keyof Exit> & Pick<Ending, 'qualification'>,
): Pick<Foretold, 'ending' | 'page'> {
  if (address < PAGES || address >= PAGES + PAGES_BYTES) throw new StrayWalkError('an access outside the pages');
  const before = pageBefore(address);
  const breakpoint = { reason: EXIT_EXCEPTION, vector: VECTOR_BREAKPOINT, errorCode: null };
  const inMode = (value: bigint) => (is64Bit ? value : BigInt.asUintN(32, value));
  if (kind.does === 'implicit') {
    // What is there is no descriptor of a segment: its S bit is 0.
    return { ending: { ...end, ...breakpoint, vector: VECTOR_GP, errorCode: SELECTOR }, page: null };
  }
  if (kind.does === 'fetch') {
    const rax = BigInt(markerNumberAt(address, false));
    return { ending: { ...end, ...breakpoint, rax }, page: null };
  }
  if (!kind.access.write) {
    const rax = kind.does === 'incssp' ? end.rax : inMode(before);
    return { ending: { ...end, ...breakpoint, rax }, page: null };
  }
  const value = kind.does === 'modify' ? inMode(before + kind.rax) : kind.rax;
  const after = is64Bit ? value : ((before >> 32n) << 32n) | value;
  const changed = new Map(end.changed).set(address, after);
  return { ending: { ...end, ...breakpoint, changed }, page: { address, before } };
}
