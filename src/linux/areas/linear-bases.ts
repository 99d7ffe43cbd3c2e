import type { KernelNames } from '../kernel/kernel-names.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import { word } from '../memory/little-endian.ts';

const TERABYTE = 1n << 40n;

/** A variable of the kernel, and the constant that is there instead where it is built without. */
type BaseName = 'page_offset_base' | 'vmalloc_base' | 'vmemmap_base';

const BASES: readonly BaseName[] = ['page_offset_base', 'vmalloc_base', 'vmemmap_base'];

/** What depends on the number of levels of paging (arch/x86/include/asm/pgtable_64_types.h, page_64_types.h). @internal */
export interface LinearLayout {
  readonly bases: Readonly<Record<BaseName, bigint>>;
  readonly vmallocBytes: bigint;
  readonly vmemmapBytes: bigint;
  readonly kasanFirst: bigint;
  readonly ldtFirst: bigint;
  readonly ldtBytes: bigint;
}

const FOUR_LEVELS: LinearLayout = {
  bases: {
    page_offset_base: 0xffff_8880_0000_0000n,
    vmalloc_base: 0xffff_c900_0000_0000n,
    vmemmap_base: 0xffff_ea00_0000_0000n,
  },
  vmallocBytes: 32n * TERABYTE,
  vmemmapBytes: TERABYTE,
  kasanFirst: 0xffff_ec00_0000_0000n,
  ldtFirst: 0xffff_8800_0000_0000n,
  ldtBytes: TERABYTE >> 1n,
};

const FIVE_LEVELS: LinearLayout = {
  bases: {
    page_offset_base: 0xff11_0000_0000_0000n,
    vmalloc_base: 0xffa0_0000_0000_0000n,
    vmemmap_base: 0xffd4_0000_0000_0000n,
  },
  vmallocBytes: 12_800n * TERABYTE,
  vmemmapBytes: 512n * TERABYTE,
  kasanFirst: 0xffdf_0000_0000_0000n,
  ldtFirst: 0xff10_0000_0000_0000n,
  ldtBytes: 256n * TERABYTE,
};

/** The layout of a kernel with 64 bits. @internal */
export function linearLayout({ context }: Pick<AddressSpace, 'context'>): LinearLayout {
  return context.levels.length > 4 ? FIVE_LEVELS : FOUR_LEVELS;
}

/**
 * Where the regions of a kernel with 64 bits begin: from its variables; a kernel without them has constants, which are believed
 * once its own text proves the first.
 *
 * @internal
 */
export async function readBases(
  { symbols, textFirst, wordBytes }: KernelNames,
  space: AddressSpace,
): Promise<Readonly<Record<BaseName, bigint>> | null> {
  const places = BASES.map((name) => symbols?.addressOf(name));
  if (places.every((place) => place !== undefined)) {
    const read = await space.readMany(
      places.map((address) => ({ address: address as bigint, lengthBytes: wordBytes })),
    );
    const [direct, vmalloc, vmemmap] = read.map((bytes) => (bytes === null ? null : word(bytes, 0, wordBytes)));
    if (direct && vmalloc && vmemmap) return { page_offset_base: direct, vmalloc_base: vmalloc, vmemmap_base: vmemmap };
  }
  const { bases } = linearLayout(space);
  const text = await space.physicalOf(textFirst);
  if (text === null) return null;
  return (await space.physicalOf(bases.page_offset_base + BigInt(text))) === text ? bases : null;
}

/** PAGE_OFFSET can be chosen (CONFIG_VMSPLIT_*): each choice is a multiple of this. */
const SPLIT_BYTES = 0x800_0000n;

/**
 * Where the kernel has physical address 0 in its linear addresses; null where it does not tell. With 32 bits it is where the
 * kernel's half begins (PAGE_OFFSET), and as far from there as its text is from its own physical address.
 *
 * @internal
 */
export async function directMapFirst(names: KernelNames, space: AddressSpace): Promise<bigint | null> {
  const { textFirst, wordBytes } = names;
  if (wordBytes === 8) return (await readBases(names, space))?.page_offset_base ?? null;
  const physical = textFirst === 0n ? null : await space.physicalOf(textFirst);
  if (physical === null) return null;
  const first = textFirst - BigInt(physical);
  return first > 0n && first % SPLIT_BYTES === 0n ? first : null;
}
