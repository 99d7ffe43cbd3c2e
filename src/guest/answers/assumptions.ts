import { formatHex, type NestedTranslation, PagingInputError, type Translation } from '../../paging/index.ts';
import { type Sourced, sourced } from '../vcpu/sourced.ts';
import { contextOf, nestedContextOf, type VcpuState } from '../vcpu/vcpu-state.ts';
import { isSameOutcome, retranslate } from '../walks/retranslate.ts';
import { isSameNestedOutcome, retranslateNested } from '../walks/retranslate-nested.ts';

/** Values that a vCPU could have had instead, chosen so that an outcome which depends on the value shows it. */
const ALTERNATIVES = {
  pkru: [0xffff_ffff, 0xaaaa_aaaa],
  pkrs: [0xffff_ffff, 0xaaaa_aaaa],
  maxPhyAddr: [32, 36, 39, 40, 42, 46, 48],
  vendor: ['intel', 'amd'],
  pse36: [true, false],
  pdpe1gb: [true, false],
  accelerator: ['kvm', 'tcg'],
  pdptes: [],
  nested: [],
} as const;

const NAMES = {
  pkru: 'PKRU',
  pkrs: 'PKRS',
  maxPhyAddr: 'MAXPHYADDR',
  vendor: 'vendor',
  pse36: 'PSE-36',
  pdpe1gb: '1 GB pages',
  accelerator: 'accelerator',
  pdptes: 'PDPTE registers',
  nested: 'second stage',
} as const;

type Assumable = keyof typeof ALTERNATIVES;

function isAssumable(name: string): name is Assumable {
  return name in ALTERNATIVES;
}

function show(value: unknown, name: Assumable): string {
  if (name === 'pdptes') return 'those in memory';
  if (name === 'nested') return 'none; name it with npt:ROOT, ept:EPTP or none';
  return typeof value === 'number' && name !== 'maxPhyAddr' ? formatHex(value) : String(value);
}

/** An answer, and both stages of it where there are two. */
interface Answer {
  readonly translation: Translation;
  readonly nested: NestedTranslation | null;
}

function dependsOn(name: Assumable, state: VcpuState, answer: Answer): boolean {
  // Registers that were loaded once can hold anything.
  if (name === 'pdptes' || name === 'nested') return answer.translation.steps.length > 0;
  return ALTERNATIVES[name].some((value) => !comesToTheSame({ ...state, [name]: given(value) }, answer));
}

function given<T>(value: T): Sourced<T> {
  return sourced(value, 'given', 'what if');
}

function comesToTheSame(other: VcpuState, { translation, nested }: Answer): boolean {
  const context = contextOf(other);
  if (nested === null) {
    const again = retranslate(context, translation);
    return again !== undefined && isSameOutcome(again, translation);
  }
  const stage = stageOf(other);
  const again = stage && retranslateNested(context, stage, nested, translation.access);
  return again !== null && again !== undefined && isSameNestedOutcome(again, nested);
}

/** Null where the other vCPU could not have such a second stage at all: an EPT pointer of more bits than it has. */
function stageOf(other: VcpuState): ReturnType<typeof nestedContextOf> {
  try {
    return nestedContextOf(other);
  } catch (error) {
    if (error instanceof PagingInputError) return null;
    throw error;
  }
}

/**
 * What this translation rests on that could not be had from QEMU, each with whether the outcome would change with it.
 *
 * @param nested - both stages, where there are two
 * @returns one sentence for each assumption; empty when everything was known
 * @internal
 */
export function describeAssumptions(
  state: VcpuState,
  translation: Translation,
  nested: NestedTranslation | null = null,
): string[] {
  const entries = Object.entries(state) as [string, Sourced<unknown>][];
  return entries.flatMap(([name, value]) => {
    if (!isAssumable(name) || value.from !== 'assumed') return [];
    const verdict = dependsOn(name, state, { translation, nested })
      ? 'the outcome depends on it'
      : 'the outcome does not depend on it';
    return [`${NAMES[name]}=${show(value.value, name)} (${value.detail}); ${verdict}`];
  });
}

/** What only an access is judged by; which pages there are, and what rights they have, does not depend on it. */
const JUDGES: readonly Assumable[] = ['pkru', 'pkrs', 'accelerator'];

/**
 * What the shape of an address space rests on that could not be had from QEMU.
 *
 * @returns one sentence for each assumption
 * @internal
 */
export function describeFormatAssumptions(state: VcpuState): string[] {
  const entries = Object.entries(state) as [string, Sourced<unknown>][];
  return entries.flatMap(([name, value]) => {
    if (!isAssumable(name) || value.from !== 'assumed' || JUDGES.includes(name)) return [];
    return [`${NAMES[name]}=${show(value.value, name)} (${value.detail})`];
  });
}
