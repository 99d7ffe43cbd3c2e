import {
  createContext,
  createNpt,
  type NestedContext,
  type NestedPlannedBits,
  type NestedTranslation,
  type PagingContext,
  type ProcessorFeatures,
  processorNestedBits,
  translateNested,
} from '../../../../src/paging/index.ts';
import { pagingRegisters } from '../../processor-rig/paging-registers.ts';
import type { ProbeKind } from '../../processor-rig/probe-kind.ts';
import type { ProbeRegisters } from '../../processor-rig/random/random-registers.ts';
import type { HostMemory } from '../tables/host-memory.ts';
import { type ExpectedOutcome, expectOutcome, placeOfCode } from './expected-outcome.ts';

/** An access and the registers it is made with: the hypervisor's and its guest's. */
export interface DrawnProbe {
  readonly kind: ProbeKind;
  readonly linear: bigint;
  readonly cr3: number;
  readonly nestedCr3: number;
  readonly host: ProbeRegisters;
  readonly guest: ProbeRegisters;
}

/** What the walker says will come of it. */
export interface Foretold {
  readonly is64Bit: boolean;
  readonly translation: NestedTranslation;
  readonly expected: ExpectedOutcome;
}

/**
 * Asks the walker.
 *
 * @returns null for a probe that must not be made
 * @throws StrayWalkError likewise
 */
export function foretell(drawn: DrawnProbe, processor: ProcessorFeatures, memory: HostMemory): Foretold | null {
  const { kind, linear, guest, cr3 } = drawn;
  const context = createContext(pagingRegisters(guest, cr3, kind), processor);
  const nested = createNpt(hostRegisters(drawn), processor);
  const is64Bit = context.linearBits !== 32;
  const prelude = bitsOfCode({ kind, is64Bit, context, nested, memory });
  const access = kind.accesses[0]?.access;
  if (prelude === null || access === undefined) return null;
  const translation = translateNested(context, nested, memory, linear, access);
  const expected = expectOutcome({ kind, linear, is64Bit, context, nested, translation, prelude }, memory);
  return expected && { is64Bit, translation, expected };
}

function hostRegisters({ host, nestedCr3 }: DrawnProbe): Parameters<typeof createNpt>[0] {
  const { cr0, cr4, efer } = host;
  return { cr0: BigInt(cr0), nestedCr3: BigInt(nestedCr3), cr4: BigInt(cr4), efer: BigInt(efer) };
}

/**
 * What fetching the guest's code before the access sets: the code that makes it is read through both stages too.
 *
 * @returns null where it cannot be fetched, and the access never comes to pass
 */
function bitsOfCode({
  kind,
  is64Bit,
  context,
  nested,
  memory,
}: {
  readonly kind: ProbeKind;
  readonly is64Bit: boolean;
  readonly context: PagingContext;
  readonly nested: NestedContext;
  readonly memory: HostMemory;
}): readonly NestedPlannedBits[] | null {
  if (kind.does === 'fetch') return [];
  const code = placeOfCode(kind, is64Bit);
  const access = { write: false, user: kind.user, exec: true };
  const walk = translateNested(context, nested, memory, code, access);
  if (walk.kind !== 'mapped' || walk.l1PhysicalAddress !== code) return null;
  return processorNestedBits(walk, context, nested);
}
