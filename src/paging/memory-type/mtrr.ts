/** How accesses to memory are cached and ordered. SDM vol. 3A, 11.3 (12.3). @public */
export type MemoryType = 'UC' | 'WC' | 'WT' | 'WP' | 'WB';

/** A variable-range MTRR pair, as IA32_MTRR_PHYSBASEn and IA32_MTRR_PHYSMASKn hold it. @public */
export interface VariableMtrr {
  /** Type in bits 7:0, address from bit 12 up. */
  readonly base: bigint;
  /** V in bit 11, mask from bit 12 up. */
  readonly mask: bigint;
}

/** The memory type range registers. SDM vol. 3A, 11.11 (12.11). @public */
export interface MtrrRegisters {
  /** IA32_MTRR_DEF_TYPE (2FFH): type in bits 7:0, FE in bit 10, E in bit 11. */
  readonly mtrrDefType: bigint;
  /** The eleven fixed-range registers: 64K_00000, 16K_80000, 16K_A0000, then 4K_C0000 to 4K_F8000. */
  readonly mtrrFixed: readonly bigint[];
  readonly mtrrVariable: readonly VariableMtrr[];
  /** CPUID.01H:EDX.MTRR. Without MTRRs all memory counts as write-back. Default true. */
  readonly hasMtrrs?: boolean;
  /** MAXPHYADDR: a variable range's bits at and above it do not exist. */
  readonly maxPhyAddr: number;
}

/** The encoding that PAT and MTRRs share; 2 and 3 are reserved, and 7 is UC- in the PAT alone. SDM table 11-10 (12-10). */
const TYPES: Readonly<Record<number, MemoryType>> = { 0: 'UC', 1: 'WC', 4: 'WT', 5: 'WP', 6: 'WB' };

const DEF_TYPE_FE = 1n << 10n;
const DEF_TYPE_E = 1n << 11n;
const MASK_V = 1n << 11n;
const PAGE_SHIFT = 12n;

/** The fixed ranges: where each size begins, how wide one range is, and its first register. SDM table 11-9 (12-9). */
const RANGES_64K = { first: 0, shift: 16, register: 0 };
const RANGES_16K = { first: 0x8_0000, shift: 14, register: 1 };
const RANGES_4K = { first: 0xc_0000, shift: 12, register: 3 };
const FIXED_END = 0x10_0000n;

/**
 * The type that a byte of an MTRR or of the PAT stands for. Writing a reserved encoding is #GP, so none is ever there; uncached
 * is what does no harm.
 *
 * @internal
 */
export function decodeMemoryType(encoding: number): MemoryType {
  return TYPES[encoding] ?? 'UC';
}

function byteOf(register: bigint, index: number): number {
  return Number((register >> BigInt(8 * index)) & 0xffn);
}

function fixedTypeAt(fixed: readonly bigint[], address: number): MemoryType {
  const range = address >= RANGES_4K.first ? RANGES_4K : address >= RANGES_16K.first ? RANGES_16K : RANGES_64K;
  const index = (address - range.first) >>> range.shift;
  return decodeMemoryType(byteOf(fixed[range.register + (index >>> 3)] ?? 0n, index & 7));
}

/** Where ranges overlap UC wins, then WT over WB; other overlaps are undefined (SDM vol. 3A, 11.11.4.1), and UC here. */
function overlap(one: MemoryType, other: MemoryType): MemoryType {
  if (one === other) return one;
  const isWriteThrough = (one === 'WT' && other === 'WB') || (one === 'WB' && other === 'WT');
  return isWriteThrough ? 'WT' : 'UC';
}

function variableTypeAt({ mtrrVariable, maxPhyAddr }: MtrrRegisters, address: bigint): MemoryType | undefined {
  const addressBits = BigInt.asUintN(maxPhyAddr, -1n << PAGE_SHIFT);
  return mtrrVariable
    .filter(({ base, mask }) => (mask & MASK_V) !== 0n && ((address ^ base) & mask & addressBits) === 0n)
    .map(({ base }) => decodeMemoryType(byteOf(base, 0)))
    .reduce<MemoryType | undefined>((type, next) => (type === undefined ? next : overlap(type, next)), undefined);
}

/**
 * The type that the MTRRs give a physical address. SDM vol. 3A, 11.11.4 (12.11.4): the fixed ranges go before the variable
 * ones, and what no range holds has the default type; all memory is uncached while the MTRRs are switched off.
 *
 * @public
 */
export function mtrrTypeAt(registers: MtrrRegisters, physicalAddress: bigint): MemoryType {
  const { hasMtrrs = true, mtrrDefType, mtrrFixed } = registers;
  if (!hasMtrrs) return 'WB';
  if (!(mtrrDefType & DEF_TYPE_E)) return 'UC';
  if (mtrrDefType & DEF_TYPE_FE && physicalAddress < FIXED_END) return fixedTypeAt(mtrrFixed, Number(physicalAddress));
  return variableTypeAt(registers, physicalAddress) ?? decodeMemoryType(byteOf(mtrrDefType, 0));
}
