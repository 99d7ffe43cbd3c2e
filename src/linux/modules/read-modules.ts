import { Effort } from '../effort.ts';
import { LinuxDataError } from '../errors.ts';
import type { KernelNames } from '../kernel/kernel-names.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import { decodeName, nameEnd } from '../memory/latin-text.ts';
import { u16, u32, u64, word } from '../memory/little-endian.ts';
import { SymbolTable } from '../symbols/symbol-table.ts';
import type { Btf } from '../types/btf.ts';

/** A module that is loaded: where it is, and its symbols. @internal */
export interface LoadedModule {
  readonly name: string;
  /** Its pieces of memory, `end` exclusive. */
  readonly ranges: readonly { readonly first: bigint; readonly end: bigint }[];
  readonly symbols: SymbolTable;
}

/** What came of going through the modules. @internal */
export interface ModuleList {
  readonly modules: readonly LoadedModule[];
  /** What is lacking, in sentences. */
  readonly problems: readonly string[];
}

const MOST_MODULES = 4096;
const MOST_SYMBOLS = 500_000;
/** Of all modules together: tables, and names. */
const MOST_BYTES = 128 << 20;
const NAME_BYTES = 64;
const PAGE_BYTES = 4096n;
/** MODULE_STATE_UNFORMED: it is being set up, and nothing in it counts. */
const UNFORMED = 3;
/** `struct mod_kallsyms`: symtab, num_symtab, strtab, typetab (kernel/module/internal.h); in type information since 5.2 too. */
const TABLE_MEMBERS = ['symtab', 'num_symtab', 'strtab', 'typetab'] as const;

interface ModuleLayout {
  readonly list: number;
  readonly name: number;
  readonly state: number;
  readonly kallsyms: number;
  readonly ranges: readonly { readonly base: number; readonly size: number }[];
  readonly lengthBytes: number;
}

/** A module before its symbols are read. */
interface FoundModule {
  readonly name: string;
  readonly kallsyms: bigint;
  readonly ranges: LoadedModule['ranges'];
}

interface Tables {
  readonly symtab: bigint;
  readonly count: number;
  readonly strtab: bigint;
  readonly typetab: bigint;
}

/**
 * Reads the list of modules and the symbols of each.
 *
 * @throws LinuxLookupError for a kernel whose structures lack what it takes.
 * @internal
 */
export async function readModules(names: KernelNames, space: AddressSpace): Promise<ModuleList> {
  const { btf, symbols, wordBytes } = names;
  const head = symbols?.addressOf('modules');
  if (btf === null || head === undefined) return { modules: [], problems: [] };
  const problems: string[] = [];
  const found = await findModules(head, moduleLayout(btf), space, wordBytes, problems);
  const tables = await readTables(found, btf, space, wordBytes, problems);
  const modules: LoadedModule[] = [];
  const effort = new Effort('the symbols of modules', MOST_BYTES);
  try {
    for (const [at, { name, ranges }] of found.entries()) {
      const table = tables[at];
      const read = table && (await readSymbols(name, table, space, wordBytes, effort));
      if (read === undefined) problems.push(`the symbols of the module ${name} cannot be read`);
      else modules.push({ name, ranges, symbols: read });
    }
  } catch (error) {
    if (!(error instanceof LinuxDataError)) throw error;
    problems.push(error.message);
  }
  return { modules, problems };
}

function moduleLayout(btf: Btf): ModuleLayout {
  const at = (path: string): number => btf.offsetOf('module', path);
  const layout = { list: at('list'), name: at('name'), state: at('state'), kallsyms: at('kallsyms') };
  const ranges = rangeLayouts(btf);
  const ends = [...Object.values(layout), ...ranges.flatMap(({ base, size }) => [base, size])];
  return { ...layout, ranges, lengthBytes: Math.max(...ends) + NAME_BYTES };
}

/** `mem[…]` since 6.4; one layout for what stays and one for what goes before. */
function rangeLayouts(btf: Btf): ModuleLayout['ranges'] {
  const memory = btf.findMember('module', 'mem');
  if (memory === undefined) {
    const base = btf.findMember('module', 'core_layout.base')?.offsetBytes;
    const size = btf.findMember('module', 'core_layout.size')?.offsetBytes;
    return base === undefined || size === undefined ? [] : [{ base, size }];
  }
  const { type, count } = btf.elementOf(memory.type);
  const members = btf.membersOf(btf.resolve(type));
  const base = members.get('base')?.offsetBytes;
  const size = members.get('size')?.offsetBytes;
  if (base === undefined || size === undefined) return [];
  const stride = btf.sizeOf(type);
  return Array.from({ length: Math.min(count, 16) }, (_, index) => {
    const start = memory.offsetBytes + index * stride;
    return { base: start + base, size: start + size };
  });
}

async function findModules(
  head: bigint,
  layout: ModuleLayout,
  space: AddressSpace,
  wordBytes: 4 | 8,
  problems: string[],
): Promise<FoundModule[]> {
  const found: FoundModule[] = [];
  const seen = new Set<bigint>();
  const first = await space.read(head, wordBytes);
  for (let next = first === null ? head : word(first, 0, wordBytes); next !== head; ) {
    const bytes = await space.read(next - BigInt(layout.list), layout.lengthBytes);
    if (bytes === null || seen.has(next) || seen.size === MOST_MODULES) {
      problems.push(`the list of modules is damaged after ${seen.size} of them`);
      break;
    }
    seen.add(next);
    next = word(bytes, layout.list, wordBytes);
    if (u32(bytes, layout.state) === UNFORMED) continue;
    found.push({
      name: decodeName(bytes, layout.name, layout.name + NAME_BYTES),
      kallsyms: word(bytes, layout.kallsyms, wordBytes),
      ranges: layout.ranges.flatMap(({ base, size }) => {
        const start = word(bytes, base, wordBytes);
        const length = u32(bytes, size);
        return start === 0n || length === 0 ? [] : [{ first: start, end: start + BigInt(length) }];
      }),
    });
  }
  return found;
}

async function readTables(
  found: readonly FoundModule[],
  btf: Btf,
  space: AddressSpace,
  wordBytes: 4 | 8,
  problems: string[],
): Promise<(Tables | undefined)[]> {
  const offsets = TABLE_MEMBERS.map((member) => btf.findMember('mod_kallsyms', member)?.offsetBytes);
  if (offsets.includes(undefined)) {
    problems.push('this kernel keeps the symbols of its modules in a way that is not known');
    return [];
  }
  const [symtab, count, strtab, typetab] = offsets as [number, number, number, number];
  const lengthBytes = Math.max(symtab, count, strtab, typetab) + wordBytes;
  const read = await space.readMany(found.map(({ kallsyms }) => ({ address: kallsyms, lengthBytes })));
  return read.map((bytes) => {
    if (bytes === null || u32(bytes, count) > MOST_SYMBOLS) return undefined;
    return {
      symtab: word(bytes, symtab, wordBytes),
      count: u32(bytes, count),
      strtab: word(bytes, strtab, wordBytes),
      typetab: word(bytes, typetab, wordBytes),
    };
  });
}

async function readSymbols(
  module: string,
  { symtab, count, strtab, typetab }: Tables,
  space: AddressSpace,
  wordBytes: 4 | 8,
  effort: Effort,
): Promise<SymbolTable | undefined> {
  const entryBytes = wordBytes === 8 ? 24 : 16;
  effort.spend(count * (entryBytes + 1));
  const [entries = null, types = null] = await space.readMany([
    { address: symtab, lengthBytes: count * entryBytes },
    { address: typetab, lengthBytes: count },
  ]);
  if (entries === null || types === null) return undefined;
  let furthest = 0;
  for (let index = 0; index < count; index += 1) furthest = Math.max(furthest, u32(entries, index * entryBytes));
  effort.spend(furthest);
  const strings = await readStrings(strtab, furthest, space);
  if (strings === undefined) return undefined;
  return makeTable(module, { entries, types, strings, count, entryBytes, wordBytes }, effort);
}

/** Up to the end of the page that the last name begins in, and of the next one where that name goes on there. */
async function readStrings(strtab: bigint, furthest: number, space: AddressSpace): Promise<Uint8Array | undefined> {
  const last = strtab + BigInt(furthest);
  const pageEnd = last - (last % PAGE_BYTES) + PAGE_BYTES;
  const strings = await space.read(strtab, Number(pageEnd - strtab));
  if (strings === null || strings.indexOf(0, furthest) >= 0) return strings ?? undefined;
  return (await space.read(strtab, Number(pageEnd + PAGE_BYTES - strtab))) ?? undefined;
}

interface RawTable {
  readonly entries: Uint8Array;
  readonly types: Uint8Array;
  readonly strings: Uint8Array;
  readonly count: number;
  readonly entryBytes: number;
  readonly wordBytes: 4 | 8;
}

/** Without those that have no name, which kernels do not list either. */
function makeTable(module: string, raw: RawTable, effort: Effort): SymbolTable {
  const { entries, types, strings, count, entryBytes, wordBytes } = raw;
  const kept: { readonly at: number; readonly from: number; readonly to: number }[] = [];
  let nameBytes = 0;
  for (let index = 0; index < count; index += 1) {
    const from = u32(entries, index * entryBytes);
    const to = nameEnd(strings, from) ?? 0;
    // An undefined one is another module's.
    const section = u16(entries, index * entryBytes + (wordBytes === 8 ? 6 : 14));
    if (to <= from || section === 0) continue;
    kept.push({ at: index, from, to });
    nameBytes += to - from + 1;
    // Names may overlap: all of them can be the longest there is.
    effort.spend(to - from + 1);
  }
  const names = new Uint8Array(nameBytes);
  const starts = new Uint32Array(kept.length + 1);
  const addresses = new BigUint64Array(kept.length);
  let end = 0;
  kept.forEach(({ at, from, to }, index) => {
    names.set(strings.subarray(from, to), end);
    end += to - from + 1;
    starts[index + 1] = end;
    const value = at * entryBytes + (wordBytes === 8 ? 8 : 4);
    addresses[index] = wordBytes === 8 ? u64(entries, value) : BigInt(u32(entries, value));
  });
  return new SymbolTable(
    { addresses, types: Uint8Array.from(kept, ({ at }) => types[at] ?? 0), names, starts },
    { module },
  );
}
