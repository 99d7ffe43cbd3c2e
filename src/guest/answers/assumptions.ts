import { type FaultCause, type NestedTranslation, PagingInputError, type Translation } from '../../paging/index.ts';
import { type Assumption, isSaid } from '../vcpu/assumption.ts';
import { type Sourced, sourced } from '../vcpu/sourced.ts';
import { contextOf, nestedContextOf, type VcpuState } from '../vcpu/vcpu-state.ts';
import { isSameOutcome, retranslate } from '../walks/retranslate.ts';
import { isSameNestedOutcome, retranslateNested } from '../walks/retranslate-nested.ts';
import type { TranslationTable } from '../walks/translation-table.ts';
import type { Stages } from '../walks/walk-each.ts';

/** Values that a vCPU could have had instead, chosen so that an outcome which depends on the value shows it. */
const ALTERNATIVES = {
  // Which bits of a register are unknown, its source says.
  cr0: [],
  cr4: [],
  efer: [],
  pkru: [0xffff_ffff, 0xaaaa_aaaa],
  pkrs: [0xffff_ffff, 0xaaaa_aaaa],
  // AC.
  rflags: [2n, 0x4_0002n],
  cpl: [0, 3],
  a20: [true, false],
  maxPhyAddr: [32, 36, 39, 40, 42, 46, 48],
  vendor: ['intel', 'amd'],
  pse36: [true, false],
  pdpe1gb: [true, false],
  accelerator: ['kvm', 'tcg'],
  pdptes: [],
  nested: [],
  hypervisorSmep: [true, false],
} as const;

type Assumable = keyof typeof ALTERNATIVES;

function isAssumable(name: string): name is Assumable {
  return name in ALTERNATIVES;
}

/** An answer, and both stages of it where there are two. */
interface Answer {
  readonly translation: Translation;
  readonly nested: NestedTranslation | null;
}

function dependsOn(name: Assumable, state: VcpuState, answer: Answer): boolean {
  if (isAnything(name)) return isWalked(answer.translation.kind === 'mapped' ? null : answer.translation.cause);
  return alternativesTo(name, state).some((other) => !comesToTheSame(other, answer));
}

/** Faults of the address alone: no entry is looked at. */
const UNWALKED: readonly FaultCause[] = ['non-canonical', 'out-of-range', 'lass'];

function isWalked(cause: FaultCause | null): boolean {
  return cause === null || !UNWALKED.includes(cause);
}

/** Registers that were loaded once can hold anything, and so can a second stage: every walk depends on them. */
function isAnything(name: Assumable): boolean {
  return name === 'pdptes' || name === 'nested';
}

function given<T>(value: T): Sourced<T> {
  return sourced(value, 'given', 'what if');
}

/** The vCPU with each value that it could have had instead of an assumed one. Empty where no list of values would do. */
function alternativesTo(name: Assumable, state: VcpuState): readonly VcpuState[] {
  const source: Sourced<unknown> = state[name];
  const others = source.from === 'assumed' ? source.others : undefined;
  return (others ?? ALTERNATIVES[name]).map((value) => ({ ...state, [name]: given(value) }));
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

function stagesOf(state: VcpuState): Stages {
  return { context: contextOf(state), nested: stageOf(state) };
}

interface AssumedValue {
  readonly name: Assumable;
  readonly value: Assumption['value'];
  readonly cause: Assumption['cause'];
}

function assumedValues(state: VcpuState): readonly AssumedValue[] {
  const entries = Object.entries(state) as [string, Sourced<unknown>][];
  return entries.flatMap(([name, source]) => {
    if (!isAssumable(name) || source.from !== 'assumed') return [];
    const { value, cause } = source;
    return [{ name, value: plainOf(value), cause }];
  });
}

function plainOf(value: unknown): Assumption['value'] {
  if (typeof value === 'bigint') return Number(value);
  return typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean' ? value : null;
}

/**
 * What this translation rests on that was unavailable from QEMU, each with whether the outcome would change with it.
 *
 * @param nested - both stages, where there are two
 * @returns empty when everything was known
 * @internal
 */
export function findAssumptions(
  state: VcpuState,
  translation: Translation,
  nested: NestedTranslation | null = null,
): Assumption[] {
  return assumedValues(state)
    .map((assumed) => ({ ...assumed, decides: dependsOn(assumed.name, state, { translation, nested }) }))
    .filter(isSaid);
}

/**
 * Whether two values say the same, as far as they are plain data: what is not must be the very same. (node:util has such a function; in a page
 * there is no node:util.)
 */
function isAlike(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (!isPlain(one) || !isPlain(other) || Object.getPrototypeOf(one) !== Object.getPrototypeOf(other)) return false;
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => isAlike(one[name], other[name]));
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototypes: readonly unknown[] = [Object.prototype, Array.prototype, Int32Array.prototype];
  return prototypes.includes(Object.getPrototypeOf(value));
}

/** Makes the walks of a table once more, by another vCPU. @internal */
export type WalkAgain = (stages: Stages) => Promise<TranslationTable>;

/**
 * Finds out the same about many translations at once.
 *
 * @param walkAgain - makes all the walks once more
 * @internal
 */
export async function addAssumptions(table: TranslationTable, state: VcpuState, walkAgain: WalkAgain): Promise<void> {
  const own = { context: table.context, nested: stageOf(state) };
  for (const assumed of assumedValues(state)) {
    const decides = new Uint8Array(table.length);
    if (isAnything(assumed.name))
      decides.forEach((_, at) => {
        decides[at] = isWalked(table.cause(at)) ? 1 : 0;
      });
    for (const other of alternativesTo(assumed.name, state)) {
      const stages = stagesOf(other);
      if (stages.nested === null && state.nested.value !== null) {
        decides.fill(1);
        continue;
      }
      if (isAlike(stages, own)) continue;
      const again = await walkAgain(stages);
      for (let at = 0; at < table.length; at += 1) if (!table.isSameAt(at, again)) decides[at] = 1;
    }
    table.addAssumption(assumed, decides);
  }
}

/** All the vCPUs whose walks tell whether something assumed decides an answer. @internal */
export function assumableStages(state: VcpuState): readonly Stages[] {
  const own = stagesOf(state);
  return assumedValues(state)
    .flatMap(({ name }) => alternativesTo(name, state))
    .map(stagesOf)
    .filter((stages) => !isAlike(stages, own));
}

/** What only an access is judged by; which pages there are, and what rights they have, does not depend on it. */
const JUDGES: readonly Assumable[] = ['rflags', 'cpl', 'pkru', 'pkrs', 'accelerator', 'hypervisorSmep'];

/**
 * What the shape of an address space rests on that was unavailable from QEMU. Whether a page depends on it is not looked into: it is
 * taken to.
 *
 * @internal
 */
export function findFormatAssumptions(state: VcpuState): Assumption[] {
  return assumedValues(state)
    .filter(({ name }) => !JUDGES.includes(name))
    .map((assumed) => ({ ...assumed, decides: true }));
}
