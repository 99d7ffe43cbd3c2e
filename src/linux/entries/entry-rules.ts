import type { KernelNames } from '../kernel/kernel-names.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import { u32 } from '../memory/little-endian.ts';

/** Kinds of entries that name no swap file, by their types: from the highest down (include/linux/swap.h). @internal */
export type SpecialType =
  | 'marker'
  | 'device'
  | 'migration-read'
  | 'migration-read-exclusive'
  | 'migration-write'
  | 'poisoned';

/** How a kernel writes its entries, told by what it has and never by its version. @internal */
export interface EntryRules {
  /** How many swap files there are, or were; null where that is not known. */
  readonly swapFiles: number | null;
  /** By type; null where the kernel's table of swap files is not as large as these make it. */
  readonly specialTypes: ReadonlyMap<number, SpecialType> | null;
  /** Bit 58 of a present entry: SAVED_DIRTY from 6.6 on, DEVMAP before; bit 57 the other. Null where that is not known. */
  readonly hasSavedDirty: boolean | null;
  readonly hasUffdWp: boolean;
  /** So many bits of an offset are a frame, where it is one. */
  readonly frameBits: number;
}

/** Five bits of an entry say which swap file it is in, or that it is something else. */
const TYPES = 32;
const POINTER_BYTES = 8;

/** Reads what entries are judged by. @internal */
export async function readEntryRules(names: KernelNames, space: AddressSpace): Promise<EntryRules> {
  const { symbols } = names;
  const has = (name: string): boolean => symbols?.addressOf(name) !== undefined;
  const files = symbols?.addressOf('nr_swapfiles');
  const bytes = files === undefined ? null : await space.read(files, 4);
  return {
    swapFiles: bytes === null ? null : Math.min(u32(bytes, 0), TYPES),
    specialTypes: specialTypesOf(names),
    hasSavedDirty: hasSavedDirty(names),
    hasUffdWp: has('mwriteprotect_range'),
    // MAX_PHYSMEM_BITS - PAGE_SHIFT.
    frameBits: space.context.levels.length > 4 ? 40 : 34,
  };
}

/**
 * pte_mkwrite() became a function of its own with shadow stacks, beside one that has always been there: where that is missing too
 * not all symbols are known. Kernels with 32 bits have neither bit.
 */
function hasSavedDirty({ symbols, wordBytes }: KernelNames): boolean | null {
  const has = (name: string): boolean => symbols?.addressOf(name) !== undefined;
  if (wordBytes !== 8) return null;
  return has('pte_mkwrite') ? true : has('ptep_set_access_flags') ? false : null;
}

/** The highest types, as far as the kernel is built with what they are for: proven by how many swap files are left. */
function specialTypesOf({ symbols, btf }: KernelNames): ReadonlyMap<number, SpecialType> | null {
  const table = symbols?.addressOf('swap_info');
  const room = table === undefined ? undefined : symbols?.nearest(table)?.sizeBytes;
  if (symbols === null || room === undefined || btf === null) return null;
  const has = (name: string): boolean => symbols.addressOf(name) !== undefined;
  const migration: SpecialType[] = !has('migrate_pages')
    ? []
    : btf.hasName('PG_anon_exclusive')
      ? ['migration-read', 'migration-read-exclusive', 'migration-write']
      : ['migration-read', 'migration-write'];
  // Device-private and device-exclusive, each for reading and writing; since 6.15 one of the latter.
  const devices = has('make_device_exclusive_range') ? 4 : has('make_device_exclusive') ? 3 : 0;
  const lower: SpecialType[] = [
    ...(has('memory_failure') ? (['poisoned'] as const) : []),
    ...migration,
    ...Array.from({ length: devices }, () => 'device' as const),
  ];
  for (const types of [[...lower, 'marker' as const], lower]) {
    const files = TYPES - types.length;
    const isProven = room >= files * POINTER_BYTES && room < (files + 1) * POINTER_BYTES;
    if (isProven) return new Map(types.map((type, at) => [files + at, type]));
  }
  return null;
}
