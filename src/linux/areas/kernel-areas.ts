import type { KernelNames } from '../kernel/kernel-names.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import type { FoundModule } from '../modules/find-modules.ts';
import { directMapFirst, linearLayout, readBases } from './linear-bases.ts';
import type { LinuxArea, LinuxAreaKind } from './linux-area.ts';

const PAGE = 4096n;

/** Sections of the kernel's image, by the symbols that its linker script puts around them. */
const SECTIONS: readonly (readonly [kind: LinuxAreaKind, first: string, end: string])[] = [
  ['text', '_stext', '_etext'],
  ['text', '_text', '_etext'],
  ['rodata', '__start_rodata', '__end_rodata'],
  ['data', '_sdata', '_edata'],
  ['init', '__init_begin', '__init_end'],
  ['bss', '__bss_start', '__bss_stop'],
];

/** The same with 4 and 5 levels: entries -4 and -2 of the P4D, and the last gigabytes. */
const FIXED: readonly LinuxArea[] = [
  { kind: 'cpu-entry-area', name: null, first: 0xffff_fe00_0000_0000n, last: 0xffff_fe7f_ffff_ffffn },
  { kind: 'espfix', name: null, first: 0xffff_ff00_0000_0000n, last: 0xffff_ff7f_ffff_ffffn },
  { kind: 'efi', name: null, first: 0xffff_ffef_0000_0000n, last: 0xffff_fffe_ffff_ffffn },
  { kind: 'fixmap', name: null, first: 0xffff_ffff_ff00_0000n, last: 0xffff_ffff_ff7f_ffffn },
];
const VSYSCALL: LinuxArea = {
  kind: 'vsyscall',
  name: null,
  first: 0xffff_ffff_ff60_0000n,
  last: 0xffff_ffff_ff60_0fffn,
};
const IMAGE_FIRST = 0xffff_ffff_8000_0000n;
/** Where modules may begin at the latest: KERNEL_IMAGE_SIZE is a gigabyte with KASLR, half of one without. */
const MODULES_FIRST = 0xffff_ffff_c000_0000n;
const MODULES_LAST = 0xffff_ffff_feff_ffffn;
/** CPU_ENTRY_AREA_BASE: KASLR lets nothing reach beyond, so that a region which it moved up is smaller than its place without it. */
const KASLR_END = 0xffff_fe00_0000_0000n;
const KASAN_LAST = 0xffff_fbff_ffff_ffffn;
const LAST_32 = 0xffff_ffffn;

/**
 * What the kernel keeps where, in layers: modules, sections of the image, and the regions around them. What is known of no kernel
 * at hand, such as where vmalloc begins without a symbol for it, is in none.
 *
 * @internal
 */
export async function readKernelAreas(
  names: KernelNames,
  space: AddressSpace,
  modules: readonly Pick<FoundModule, 'name' | 'ranges'>[],
): Promise<readonly (readonly LinuxArea[])[]> {
  const loaded = modules.flatMap(({ name, ranges }) =>
    ranges.map(({ first, end }): LinuxArea => ({ kind: 'module', name, first, last: wholePage(end) })),
  );
  const sections = sectionsOf(names);
  return names.wordBytes === 4
    ? [loaded, sections, await lowMemory(names, space)]
    : [loaded, sections, [VSYSCALL], await regionsOf(names, space), imageRest(names)];
}

/** The last byte of the page that the one before `end` lies in. */
function wholePage(end: bigint): bigint {
  return (end - 1n) | (PAGE - 1n);
}

function sectionsOf({ symbols }: KernelNames): LinuxArea[] {
  return SECTIONS.flatMap(([kind, from, to]) => {
    const first = symbols?.addressOf(from);
    const end = symbols?.addressOf(to);
    return first === undefined || end === undefined || end <= first
      ? []
      : [{ kind, name: null, first: first - (first % PAGE), last: wholePage(end) }];
  });
}

/** What lies between sections, and behind the image: modules, which come from there on. */
function imageRest({ symbols }: KernelNames): LinuxArea[] {
  const end = symbols?.addressOf('_end');
  const isKnown = end !== undefined && end > IMAGE_FIRST && end < MODULES_FIRST;
  const modulesFirst = isKnown ? wholePage(end) + 1n : MODULES_FIRST;
  return [
    { kind: 'image', name: null, first: IMAGE_FIRST, last: modulesFirst - 1n },
    { kind: 'modules', name: null, first: modulesFirst, last: MODULES_LAST },
  ];
}

async function regionsOf(names: KernelNames, space: AddressSpace): Promise<LinuxArea[]> {
  const layout = linearLayout(space);
  const areas = [...FIXED, area('ldt-remap', layout.ldtFirst, layout.ldtBytes)];
  if (names.symbols?.addressOf('kasan_early_shadow_page') !== undefined) {
    areas.push({ kind: 'kasan-shadow', name: null, first: layout.kasanFirst, last: KASAN_LAST });
  }
  const bases = await readBases(names, space);
  if (bases === null) return areas;
  const { page_offset_base: direct, vmalloc_base: vmalloc, vmemmap_base: vmemmap } = bases;
  // KASLR moves all three, and keeps their order.
  if (!(direct < vmalloc && vmalloc < vmemmap)) return areas;
  return [
    ...areas,
    { kind: 'direct-map', name: null, first: direct, last: vmalloc - 1n },
    { kind: 'vmalloc', name: null, first: vmalloc, last: lower(vmalloc + layout.vmallocBytes, vmemmap) - 1n },
    { kind: 'vmemmap', name: null, first: vmemmap, last: lower(vmemmap + layout.vmemmapBytes, KASLR_END) - 1n },
  ];
}

function area(kind: LinuxAreaKind, first: bigint, lengthBytes: bigint): LinuxArea {
  return { kind, name: null, first, last: first + lengthBytes - 1n };
}

async function lowMemory(names: KernelNames, space: AddressSpace): Promise<LinuxArea[]> {
  const first = await directMapFirst(names, space);
  if (first === null) return [];
  const direct = (await space.ranges(first, LAST_32)).filter(
    (range) => range.contiguous && range.first - range.physicalFirst === first,
  );
  const last = direct.at(-1)?.last;
  return last === undefined ? [] : [{ kind: 'direct-map', name: null, first, last }];
}

function lower(one: bigint, other: bigint): bigint {
  return one < other ? one : other;
}
