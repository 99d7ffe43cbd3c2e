import type { WalkStep } from '../../paging/index.ts';

const MEMORY_TYPES: Readonly<Record<number, string>> = { 0: 'UC', 1: 'WC', 4: 'WT', 5: 'WP', 6: 'WB' };

const bit = (value: bigint, position: number) => ((value >> BigInt(position)) & 1n) === 1n;

/**
 * The bits of an EPT entry by the manual's names: rights as `R`, `W`, `X` or a dash, `XU` for bit 10, A, D, the size bit, and a
 * leaf's memory type. SDM vol. 3C, tables 31-1 to 31-7.
 *
 * @internal
 */
export function eptFlags({ value, leaf, level }: WalkStep): readonly string[] {
  const rights = (['R', 'W', 'X'] as const).map((name, position) => (bit(value, position) ? name : '-')).join('');
  const type = Number((value >> 3n) & 7n);
  return [
    rights,
    ...(bit(value, 10) ? ['XU'] : []),
    ...(bit(value, 8) ? ['A'] : []),
    ...(leaf && bit(value, 9) ? ['D'] : []),
    ...(level > 1 && bit(value, 7) ? ['PS'] : []),
    ...(leaf ? [MEMORY_TYPES[type] ?? `memory type ${type}`] : []),
    ...(leaf && bit(value, 6) ? ['IPAT'] : []),
    ...(bit(value, 58) ? ['PW'] : []),
  ];
}
