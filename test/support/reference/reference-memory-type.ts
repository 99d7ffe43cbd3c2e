/** The registers that say how memory is cached. @internal */
export interface ReferenceMemoryTypes {
  /** IA32_PAT, 277H. */
  pat: bigint;
  /** IA32_MTRR_DEF_TYPE, 2FFH: type in 7:0, FE in 10, E in 11. */
  mtrrDefType: bigint;
  /** 250H, 258H, 259H, 268H to 26FH. */
  mtrrFixed: readonly bigint[];
  mtrrVariable: readonly { base: bigint; mask: bigint }[];
  cr0: bigint;
  maxPhyAddr: number;
}

/** @internal */
export type ReferenceMemoryType = 'UC' | 'WC' | 'WT' | 'WP' | 'WB';

/** A leaf's three bits, PAT wherever the format has it. @internal */
export interface ReferenceCacheBits {
  pwt: boolean;
  pcd: boolean;
  pat: boolean;
}

const encodings: Readonly<Record<string, ReferenceMemoryType>> = { 0: 'UC', 1: 'WC', 4: 'WT', 5: 'WP', 6: 'WB' };

/** SDM vol. 3A, table 11-7 (12-7 in editions since 2022): rows by MTRR, columns by PAT. @internal */
export const effectiveTypes: Readonly<
  Record<ReferenceMemoryType, Readonly<Record<ReferenceMemoryType | 'UC-', ReferenceMemoryType>>>
> = {
  UC: { UC: 'UC', 'UC-': 'UC', WC: 'WC', WT: 'UC', WB: 'UC', WP: 'UC' },
  WC: { UC: 'UC', 'UC-': 'WC', WC: 'WC', WT: 'UC', WB: 'WC', WP: 'UC' },
  WT: { UC: 'UC', 'UC-': 'UC', WC: 'WC', WT: 'WT', WB: 'WT', WP: 'WP' },
  WB: { UC: 'UC', 'UC-': 'UC', WC: 'WC', WT: 'WT', WB: 'WB', WP: 'WP' },
  WP: { UC: 'UC', 'UC-': 'WC', WC: 'WC', WT: 'WT', WB: 'WP', WP: 'WP' },
};

/**
 * The type of memory that an access to a page has. SDM vol. 3A, 11.5.2.2; with CR0.CD=1 nothing is cached. Without paging there
 * is no PAT, and the MTRRs say it alone.
 *
 * @param leaf - null without paging
 * @internal
 */
export function referenceMemoryType(
  registers: ReferenceMemoryTypes,
  leaf: ReferenceCacheBits | null,
  physical: bigint,
): ReferenceMemoryType {
  if ((registers.cr0 & (1n << 30n)) !== 0n) {
    return 'UC';
  }
  const byMtrr = referenceMtrrType(registers, physical);
  return leaf === null ? byMtrr : effectiveTypes[byMtrr][referencePatType(registers.pat, leaf)];
}

/** SDM 11.12.3: PAT, PCD and PWT are bits 2, 1 and 0 of the number of a byte of IA32_PAT. @internal */
export function referencePatType(
  pat: bigint,
  { pwt, pcd, pat: high }: ReferenceCacheBits,
): ReferenceMemoryType | 'UC-' {
  const entry = (high ? 4 : 0) + (pcd ? 2 : 0) + (pwt ? 1 : 0);
  const encoding = (pat >> BigInt(8 * entry)) & 7n;
  return encoding === 7n ? 'UC-' : typeOf(encoding);
}

/** SDM 11.11.4.1: fixed ranges, variable ranges, default. @internal */
export function referenceMtrrType(registers: ReferenceMemoryTypes, physical: bigint): ReferenceMemoryType {
  const { mtrrDefType } = registers;
  if ((mtrrDefType & (1n << 11n)) === 0n) {
    return 'UC';
  }
  if ((mtrrDefType & (1n << 10n)) !== 0n && physical < 0x10_0000n) {
    return fixedType(registers, physical);
  }
  const types = new Set(variableTypes(registers, physical));
  if (types.size === 0) {
    return typeOf(mtrrDefType & 0xffn);
  }
  if (types.has('UC')) {
    return 'UC';
  }
  const [first, ...others] = types;
  if (first !== undefined && others.length === 0) {
    return first;
  }
  if (types.size === 2 && types.has('WT') && types.has('WB')) {
    return 'WT';
  }
  throw new Error('MTRRs overlap in a way that the manual leaves undefined');
}

/** SDM table 11-9: eight ranges of 64 KiB, sixteen of 16 KiB, sixty-four of 4 KiB, a byte each. */
function fixedType({ mtrrFixed }: ReferenceMemoryTypes, physical: bigint): ReferenceMemoryType {
  const starts: number[] = [];
  for (let start = 0; start < 0x8_0000; start += 0x1_0000) starts.push(start);
  for (let start = 0x8_0000; start < 0xc_0000; start += 0x4000) starts.push(start);
  for (let start = 0xc_0000; start < 0x10_0000; start += 0x1000) starts.push(start);
  const range = starts.findLastIndex((start) => BigInt(start) <= physical);
  const register = mtrrFixed[Math.floor(range / 8)];
  if (register === undefined) {
    throw new RangeError('there are eleven fixed MTRRs');
  }
  return typeOf((register >> BigInt(8 * (range % 8))) & 0xffn);
}

/** SDM 11.11.2.3: bit 11 of the mask says that the pair counts; the address matches the base in the bits of the mask. */
function variableTypes({ mtrrVariable, maxPhyAddr }: ReferenceMemoryTypes, physical: bigint): ReferenceMemoryType[] {
  const addressBits = ((1n << BigInt(maxPhyAddr)) - 1n) & ~0xfffn;
  return mtrrVariable
    .filter(({ mask }) => (mask & (1n << 11n)) !== 0n)
    .filter(({ base, mask }) => (physical & mask & addressBits) === (base & mask & addressBits))
    .map(({ base }) => typeOf(base & 0xffn));
}

function typeOf(encoding: bigint): ReferenceMemoryType {
  const type = encodings[String(encoding)];
  if (type === undefined) {
    throw new RangeError(`memory type ${encoding} is reserved`);
  }
  return type;
}
