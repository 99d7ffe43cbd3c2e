import { CR0_CD, ENTRY_PAT_4K, ENTRY_PAT_LARGE, ENTRY_PCD, ENTRY_PWT } from '../rules/architecture.ts';
import type { WalkStep } from '../walk/translation.ts';
import { decodeMemoryType, type MemoryType, type MtrrRegisters, mtrrTypeAt } from './mtrr.ts';

/** What one byte of the PAT can say beside that: uncached unless the MTRR says WC. @internal */
export type PatType = MemoryType | 'UC-';

/** IA32_PAT after a reset: WB, WT, UC-, UC, twice. SDM vol. 3A, 11.12.4 (12.12.4); APM vol. 2, 7.8.2. @public */
export const PAT_AT_RESET = 0x0007_0406_0007_0406n;

/** Everything that a memory type depends on beside the leaf and the address. @public */
export interface MemoryTypeRegisters extends MtrrRegisters {
  /** IA32_PAT (277H). */
  readonly pat: bigint;
  /** CD (bit 30) makes everything uncached. */
  readonly cr0: bigint;
}

/** The leaf of a translation, as far as it has a say. @public */
export type MemoryTypeLeaf = Pick<WalkStep, 'level' | 'value'>;

const PAT_UC_MINUS = 7;

/**
 * The type that MTRR and PAT make together. SDM vol. 3A, table 11-7 (12-7); the combinations that older manuals leave to the
 * implementation (WC with WT or WP, WT with WP, WP with UC- or WT) are as the table has them today.
 */
const EFFECTIVE: Readonly<Record<MemoryType, Readonly<Record<PatType, MemoryType>>>> = {
  UC: { UC: 'UC', 'UC-': 'UC', WC: 'WC', WT: 'UC', WB: 'UC', WP: 'UC' },
  WC: { UC: 'UC', 'UC-': 'WC', WC: 'WC', WT: 'UC', WB: 'WC', WP: 'UC' },
  WT: { UC: 'UC', 'UC-': 'UC', WC: 'WC', WT: 'WT', WB: 'WT', WP: 'WP' },
  WB: { UC: 'UC', 'UC-': 'UC', WC: 'WC', WT: 'WT', WB: 'WB', WP: 'WP' },
  WP: { UC: 'UC', 'UC-': 'WC', WC: 'WC', WT: 'WT', WB: 'WP', WP: 'WP' },
};

/**
 * PAT, PCD and PWT of a leaf choose a byte of the PAT; PAT is bit 7 in a PTE, bit 12 where bit 7 is PS. SDM vol. 3A, 4.9.2.
 *
 * @internal
 */
export function patTypeOf(pat: bigint, { level, value }: MemoryTypeLeaf): PatType {
  const patBit = level === 1 ? ENTRY_PAT_4K : ENTRY_PAT_LARGE;
  const low = Number(value & 0xffff_ffffn);
  const index = (low & patBit ? 4 : 0) | (low & ENTRY_PCD ? 2 : 0) | (low & ENTRY_PWT ? 1 : 0);
  const encoding = Number((pat >> BigInt(8 * index)) & 7n);
  return encoding === PAT_UC_MINUS ? 'UC-' : decodeMemoryType(encoding);
}

/** What MTRR and PAT make together; under EPT the type of its leaf stands in for the MTRR's. @internal */
export function combineWithPat(byMtrr: MemoryType, byPat: PatType): MemoryType {
  return EFFECTIVE[byMtrr][byPat];
}

/**
 * The memory type of an access: what the leaf chooses from the PAT, together with what the MTRRs say of the address.
 *
 * @param leaf - the entry that maps the page; null while paging is off, when the MTRRs decide alone
 * @public
 */
export function effectiveMemoryType(
  registers: MemoryTypeRegisters,
  leaf: MemoryTypeLeaf | null,
  physicalAddress: bigint,
): MemoryType {
  if (registers.cr0 & CR0_CD) return 'UC';
  const byMtrr = mtrrTypeAt(registers, physicalAddress);
  return leaf === null ? byMtrr : combineWithPat(byMtrr, patTypeOf(registers.pat, leaf));
}
