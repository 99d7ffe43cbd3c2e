import { formatHex, type Translation } from '../paging/index.ts';
import { isSameOutcome, retranslate } from './retranslate.ts';
import { type Sourced, sourced } from './sourced.ts';
import { contextOf, type VcpuState } from './vcpu-state.ts';

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

function dependsOn(name: Assumable, state: VcpuState, translation: Translation): boolean {
  // Registers that were loaded once can hold anything.
  if (name === 'pdptes' || name === 'nested') return translation.steps.length > 0;
  return ALTERNATIVES[name].some((value) => {
    const other: VcpuState = { ...state, [name]: sourced(value, 'given', 'what if') };
    const again = retranslate(contextOf(other), translation);
    return again === undefined || !isSameOutcome(again, translation);
  });
}

/**
 * What this translation rests on that could not be had from QEMU, each with whether the outcome would change with it.
 *
 * @returns one sentence for each assumption; empty when everything was known
 * @internal
 */
export function describeAssumptions(state: VcpuState, translation: Translation): string[] {
  const entries = Object.entries(state) as [string, Sourced<unknown>][];
  return entries.flatMap(([name, value]) => {
    if (!isAssumable(name) || value.from !== 'assumed') return [];
    const verdict = dependsOn(name, state, translation)
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
