import type { KernelNames } from '../kernel/kernel-names.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import { decodeName } from '../memory/latin-text.ts';
import { word } from '../memory/little-endian.ts';
import type { Btf } from '../types/btf.ts';
import { readFilePaths } from './file-paths.ts';
import type { LinuxArea, LinuxAreaKind } from './linux-area.ts';
import { readMapleTree } from './maple-tree.ts';

/** What came of going through the areas of a process. @internal */
export interface ProcessAreas {
  readonly areas: readonly LinuxArea[];
  /** Why not all are known; null where they are. */
  readonly problem: AreaProblem | null;
}

/**
 * Why the areas of a process are not known, or not all of them: a kernel with 32 bits, whose structures are not read; type
 * information without them; a list that is damaged. Or paths of files that lead to no root, where these are all that is missing.
 *
 * @internal
 */
export type AreaProblem = '32-bit' | 'no-types' | 'damaged' | 'paths';

/** A `vm_area_struct`. */
interface Vma {
  readonly first: bigint;
  readonly end: bigint;
  readonly file: bigint;
  readonly operations: bigint;
  readonly private: bigint;
}

/** vm.max_map_count is 65530, and can be set higher. */
const MOST_AREAS = 262_144;
const PAGE = 4096n;
const SPECIAL_NAME_BYTES = 32;
const VMA_MEMBERS = ['vm_start', 'vm_end', 'vm_file', 'vm_ops', 'vm_private_data'] as const;

/**
 * The areas of a process: its VMAs, with what lies in each, as /proc/PID/maps tells it.
 *
 * @param mm - its `mm_struct`
 * @internal
 */
export async function readProcessAreas(names: KernelNames, space: AddressSpace, mm: bigint): Promise<ProcessAreas> {
  const { btf, wordBytes } = names;
  if (wordBytes !== 8) return { areas: [], problem: '32-bit' };
  const offsets = btf && VMA_MEMBERS.map((member) => btf.findMember('vm_area_struct', member)?.offsetBytes);
  if (btf === null || offsets === null || offsets.includes(undefined)) return { areas: [], problem: 'no-types' };
  const found = await readVmas(mm, offsets as number[], btf, space);
  if (found === null) return { areas: [], problem: 'no-types' };
  const { vmas, isWhole } = found;
  const files = [...new Set(vmas.flatMap(({ file }) => (file === 0n ? [] : [file])))];
  const { paths, isWhole: areNamed } = await readFilePaths(files, btf, space);
  const special = await readSpecialNames(vmas, names, btf, space);
  const marks = await readMarks(mm, btf, space);
  const areas = vmas.map(
    (vma): LinuxArea => ({ ...kindOf(vma, paths, special, marks), first: vma.first, last: vma.end - 1n }),
  );
  return { areas, problem: !isWhole ? 'damaged' : areNamed ? null : 'paths' };
}

interface FoundVmas {
  readonly vmas: readonly Vma[];
  readonly isWhole: boolean;
}

/** In a maple tree since 6.1; in a list before, as the tree of these needs no walk. */
async function readVmas(
  mm: bigint,
  offsets: readonly number[],
  btf: Btf,
  space: AddressSpace,
): Promise<FoundVmas | null> {
  const root = btf.findMember('mm_struct', 'mm_mt.ma_root');
  if (root !== undefined) {
    const bytes = await space.read(mm + BigInt(root.offsetBytes), 8);
    const tree = bytes === null ? undefined : await readMapleTree(word(bytes, 0, 8), btf, space);
    if (tree === null) return null;
    if (tree === undefined) return { vmas: [], isWhole: false };
    const entries = tree.entries.slice(0, MOST_AREAS);
    const read = await readAll(
      entries.map(({ value }) => value),
      offsets,
      space,
    );
    // An entry says where its area lies, too: what says otherwise is no area.
    const vmas = read.flatMap((vma, at) =>
      vma !== null && vma.first === entries[at]?.first && vma.end - 1n === entries[at]?.last ? [vma] : [],
    );
    return { vmas, isWhole: tree.isWhole && vmas.length === tree.entries.length };
  }
  const head = btf.findMember('mm_struct', 'mmap');
  const next = btf.findMember('vm_area_struct', 'vm_next');
  return head === undefined || next === undefined
    ? null
    : readList(mm + BigInt(head.offsetBytes), [...offsets, next.offsetBytes], space);
}

async function readList(head: bigint, offsets: readonly number[], space: AddressSpace): Promise<FoundVmas> {
  const vmas: Vma[] = [];
  const first = await space.read(head, 8);
  let address = first === null ? 0n : word(first, 0, 8);
  let isWhole = first !== null;
  while (address !== 0n) {
    const [vma = null] = await readAll([address], offsets, space);
    // In ascending order, so that it runs in no circle.
    const isSound = vma !== null && vma.first >= (vmas.at(-1)?.end ?? 0n) && vmas.length < MOST_AREAS;
    if (!isSound) {
      isWhole = false;
      break;
    }
    vmas.push(vma);
    address = vma.next;
  }
  return { vmas, isWhole };
}

async function readAll(
  addresses: readonly bigint[],
  offsets: readonly number[],
  space: AddressSpace,
): Promise<((Vma & { readonly next: bigint }) | null)[]> {
  const read = await space.readWords(addresses, offsets, 8);
  return read.map((words) => {
    if (words === null) return null;
    const [first = 0n, end = 0n, file = 0n, operations = 0n, data = 0n, next = 0n] = words;
    return first < end && first % PAGE === 0n ? { first, end, file, operations, private: data, next } : null;
  });
}

/** What the kernel maps itself, by the operations of its VMAs. */
interface SpecialAreas {
  readonly operations: bigint;
  /** By the address of their private data: `[vdso]`, `[vvar]`. */
  readonly names: ReadonlyMap<bigint, string>;
}

async function readSpecialNames(
  vmas: readonly Vma[],
  { symbols }: KernelNames,
  btf: Btf,
  space: AddressSpace,
): Promise<SpecialAreas | null> {
  const operations = symbols?.addressOf('special_mapping_vmops');
  const name = btf.findMember('vm_special_mapping', 'name');
  if (operations === undefined || name === undefined) return null;
  const special = [...new Set(vmas.filter((vma) => vma.operations === operations).map((vma) => vma.private))];
  const pointers = await space.readMany(
    special.map((address) => ({ address: address + BigInt(name.offsetBytes), lengthBytes: 8 })),
  );
  const texts = await space.readMany(
    pointers.map((bytes) => {
      const address = bytes === null ? 0n : word(bytes, 0, 8);
      return { address, lengthBytes: Math.min(SPECIAL_NAME_BYTES, Number(PAGE - (address % PAGE))) };
    }),
  );
  const found = special.flatMap((address, at) => {
    const bytes = texts[at] ?? null;
    return bytes === null ? [] : [[address, decodeName(bytes)] as const];
  });
  return { operations, names: new Map(found) };
}

/** Where the heap and the stack are, by the kernel's own marks. */
interface Marks {
  readonly heapFirst: bigint;
  readonly heapEnd: bigint;
  readonly stack: bigint;
}

async function readMarks(mm: bigint, btf: Btf, space: AddressSpace): Promise<Marks> {
  const offsets = ['start_brk', 'brk', 'start_stack'].map((name) => btf.findMember('mm_struct', name)?.offsetBytes);
  const read = await space.readMany(
    offsets.map((offset) => ({ address: mm + BigInt(offset ?? 0), lengthBytes: offset === undefined ? 0 : 8 })),
  );
  const [heapFirst = 0n, heapEnd = 0n, stack = 0n] = read.map((bytes) => (bytes === null ? 0n : word(bytes, 0, 8)));
  return { heapFirst, heapEnd, stack };
}

/** As show_map_vma() decides it (fs/proc/task_mmu.c). */
function kindOf(
  { first, end, file, operations, private: data }: Vma,
  paths: ReadonlyMap<bigint, string>,
  special: SpecialAreas | null,
  { heapFirst, heapEnd, stack }: Marks,
): { readonly kind: LinuxAreaKind; readonly name: string | null } {
  if (file !== 0n) return { kind: 'file', name: paths.get(file) ?? null };
  // Other operations keep what they like in that word.
  const name = special?.operations === operations ? special.names.get(data) : undefined;
  if (name !== undefined) return { kind: 'special', name };
  if (first < heapEnd && end > heapFirst) return { kind: 'heap', name: null };
  return { kind: first <= stack && end >= stack ? 'stack' : 'anonymous', name: null };
}
