import {
  CR0_PG,
  CR0_WP,
  CR4_LA57,
  CR4_PAE,
  CR4_PKE,
  CR4_PKS,
  CR4_PSE,
  CR4_SMAP,
  CR4_SMEP,
  EFER_LMA,
  EFER_NXE,
  RFLAGS_AC,
} from '../paging/index.ts';
import { formatHex } from './format-hex.ts';
import type { ReportedProcessor, ReportedRegisters, ReportedState, ReportedValue } from './reported-state.ts';

/** One value of the state in words. @internal */
export interface StateRow {
  readonly name: string;
  readonly value: string;
  /** The bits that matter to paging, spelt out. */
  readonly meaning: string;
  readonly source: ReportedValue<unknown>;
}

type Bits = Readonly<Record<string, bigint>>;

const CR0_BITS: Bits = { PG: CR0_PG, WP: CR0_WP };
const CR4_BITS: Bits = {
  PSE: CR4_PSE,
  PAE: CR4_PAE,
  LA57: CR4_LA57,
  SMEP: CR4_SMEP,
  SMAP: CR4_SMAP,
  PKE: CR4_PKE,
  PKS: CR4_PKS,
};
const EFER_BITS: Bits = { LMA: EFER_LMA, NXE: EFER_NXE };
const RFLAGS_BITS: Bits = { AC: RFLAGS_AC };

const KEY_COUNT = 16;
/** Access-disable and write-disable of a key. SDM vol. 3A, 4.6.2. */
const KEY_AD = 1;
const KEY_WD = 2;

/** All values of the state, in the order in which they are shown. @internal */
export function stateRows({ state, context }: ReportedState): readonly StateRow[] {
  const root = context.mode === 'off' ? 'paging is off' : `root ${formatHex(context.root)}`;
  return [...registerRows(state, root), ...processorRows(state)];
}

function registerRows(state: ReportedRegisters, root: string): StateRow[] {
  const wide = (name: string, source: ReportedValue<bigint>, meaning: string): StateRow => {
    return { name, value: formatHex(source.value, 16), meaning, source };
  };
  const selector = (name: string, source: ReportedValue<bigint>): StateRow => {
    return { name, value: formatHex(source.value, 4), meaning: '', source };
  };
  const keys = (name: string, source: ReportedValue<number>): StateRow => {
    const inUse = source.from !== 'not-in-use';
    return {
      name,
      value: inUse ? formatHex(source.value, 8) : '-',
      meaning: inUse ? keyRights(source.value) : '',
      source,
    };
  };
  return [
    wide('CR0', state.cr0, spell(state.cr0.value, CR0_BITS)),
    wide('CR3', state.cr3, root),
    wide('CR4', state.cr4, spell(state.cr4.value, CR4_BITS)),
    wide('EFER', state.efer, spell(state.efer.value, EFER_BITS)),
    wide('RFLAGS', state.rflags, spell(state.rflags.value, RFLAGS_BITS)),
    selector('CS', state.cs),
    selector('SS', state.ss),
    {
      name: 'CPL',
      value: String(state.cpl.value),
      meaning: state.cpl.value === 3 ? 'user' : 'supervisor',
      source: state.cpl,
    },
    keys('PKRU', state.pkru),
    keys('PKRS', state.pkrs),
  ];
}

function processorRows({ maxPhyAddr, vendor, pse36, pdpe1gb }: ReportedProcessor): StateRow[] {
  const has = (name: string, source: ReportedValue<boolean>): StateRow => {
    return { name, value: source.value ? 'yes' : 'no', meaning: '', source };
  };
  return [
    {
      name: 'MAXPHYADDR',
      value: String(maxPhyAddr.value),
      meaning: `physical addresses to ${formatHex(2n ** BigInt(maxPhyAddr.value) - 1n)}`,
      source: maxPhyAddr,
    },
    { name: 'vendor', value: vendor.value, meaning: '', source: vendor },
    has('PSE-36', pse36),
    has('1G pages', pdpe1gb),
  ];
}

function spell(value: bigint, bits: Bits): string {
  return Object.entries(bits)
    .map(([name, mask]) => `${name}=${(value & mask) === 0n ? 0 : 1}`)
    .join(' ');
}

function keyRights(value: number): string {
  const denied = Array.from({ length: KEY_COUNT }, (_, key) => {
    const bits = (value >>> (2 * key)) & (KEY_AD | KEY_WD);
    if (bits === 0) return '';
    return `key ${key}: ${bits & KEY_AD ? 'no access' : 'no write'}`;
  }).filter((text) => text !== '');
  return denied.length === 0 ? 'every key allows everything' : denied.join(', ');
}
