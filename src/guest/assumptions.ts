import { type Translation, translate } from '../paging/index.ts';
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
} as const;

const NAMES = {
  pkru: 'PKRU',
  pkrs: 'PKRS',
  maxPhyAddr: 'MAXPHYADDR',
  vendor: 'vendor',
  pse36: 'PSE-36',
  pdpe1gb: '1 GB pages',
  accelerator: 'accelerator',
} as const;

type Assumable = keyof typeof ALTERNATIVES;

function isAssumable(name: string): name is Assumable {
  return name in ALTERNATIVES;
}

function show(value: number | string | boolean, name: Assumable): string {
  return typeof value === 'number' && name !== 'maxPhyAddr' ? `0x${value.toString(16)}` : String(value);
}

/** What a caller acts on; two translations with the same are the same answer. */
function outcomeOf(translation: Translation): string {
  return translation.kind === 'mapped'
    ? `${translation.physicalAddress}`
    : `${translation.cause} ${translation.errorCode} ${translation.responsible?.address}`;
}

/** The translation over the entries that the first walk saw; undefined when it would read others. */
function retranslate(state: VcpuState, translation: Translation): Translation | undefined {
  let strayed = false;
  const known = new Map(translation.steps.map((step) => [step.address, step.value]));
  const unbacked =
    translation.kind === 'fault' && translation.cause === 'unbacked-table' ? translation.responsible : null;
  const memory = {
    readEntry(address: bigint): bigint | null {
      const value = known.get(address);
      if (value === undefined && address !== unbacked?.address) strayed = true;
      return value ?? null;
    },
  };
  const again = translate(contextOf(state), memory, translation.linearAddress, translation.access);
  return strayed ? undefined : again;
}

function dependsOn(name: Assumable, state: VcpuState, translation: Translation): boolean {
  return ALTERNATIVES[name].some((value) => {
    const other: VcpuState = { ...state, [name]: sourced(value, 'given', 'what if') };
    const again = retranslate(other, translation);
    return again === undefined || outcomeOf(again) !== outcomeOf(translation);
  });
}

/**
 * What this translation rests on that could not be had from QEMU, each with whether the outcome would change with it.
 *
 * @returns one sentence for each assumption; empty when everything was known
 * @internal
 */
export function describeAssumptions(state: VcpuState, translation: Translation): string[] {
  const entries = Object.entries(state) as [string, Sourced<number | string | boolean>][];
  return entries.flatMap(([name, value]) => {
    if (!isAssumable(name) || value.from !== 'assumed') return [];
    const verdict = dependsOn(name, state, translation)
      ? 'the outcome depends on it'
      : 'the outcome does not depend on it';
    return [`${NAMES[name]}=${show(value.value, name)} (${value.detail}); ${verdict}`];
  });
}
