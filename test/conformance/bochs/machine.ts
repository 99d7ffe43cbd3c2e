import type { PagingMode } from '../../../src/paging/index.ts';
import { type TableFormat, tableFormats } from '../nested-processor/tables/table-format.ts';

/**
 * What a case may use beside plain paging. `keys` are PKRU and IA32_PKRS, `mbe` is mode-based execute control and comes with
 * advanced exit information, `sss` are supervisor shadow stacks of EPT.
 */
export type BochsFeature = 'cet' | 'keys' | 'mbe' | 'sss' | 'lass';

/** A processor that Bochs emulates, and how its guests page. */
export interface BochsMachine {
  /** One of Bochs' CPU models. */
  readonly model: string;
  /** `off` with EPT only: an unrestricted guest. */
  readonly mode: PagingMode;
  readonly ept: boolean;
  readonly features: readonly BochsFeature[];
}

/** Of all models of Bochs. */
export const MAX_PHY_ADDR = 40;

const NO_TABLES: TableFormat = { top: 0, entryBytes: 8, entries: 0, largePages: {} };

export function formatOf({ mode }: BochsMachine): TableFormat {
  return mode === 'off' ? NO_TABLES : tableFormats[mode];
}

/** Its guests run 64-bit code. */
export function isLong({ mode }: BochsMachine): boolean {
  return mode === '4-level' || mode === '5-level';
}

export function hasFeature({ features }: BochsMachine, feature: BochsFeature): boolean {
  return features.includes(feature);
}

/** A machine as options of main.ts. */
export function formatMachineOptions({ model, mode, ept, features }: BochsMachine): string {
  const words = [`--model ${model} --mode ${mode}`, ...(ept ? ['--ept'] : [])];
  return [...words, ...(features.length > 0 ? [`--features ${features.join(',')}`] : [])].join(' ');
}
