import { Effort } from '../effort.ts';
import { LinuxDataError } from '../errors.ts';
import type { KernelNames } from '../kernel/kernel-names.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import { nameEnd } from '../memory/latin-text.ts';
import { u16, u32, u64 } from '../memory/little-endian.ts';
import { SymbolTable } from '../symbols/symbol-table.ts';
import type { Btf } from '../types/btf.ts';
import type { FoundModule, FoundModules } from './find-modules.ts';

/** The symbols of a module, and where it is. @internal */
export interface LoadedModule {
  readonly name: string;
  /** Its pieces of memory, `end` exclusive. */
  readonly ranges: FoundModule['ranges'];
  readonly symbols: SymbolTable;
}

/** What came of reading the symbols of modules. @internal */
export interface ModuleList {
  readonly modules: readonly LoadedModule[];
  /** What is lacking, in sentences. */
  readonly problems: readonly string[];
}

const MOST_SYMBOLS = 500_000;
/** Of all modules together: tables, and names. */
const MOST_BYTES = 128 << 20;
const PAGE_BYTES = 4096n;
/** `struct mod_kallsyms`: symtab, num_symtab, strtab, typetab (kernel/module/internal.h); in type information since 5.2 too. */
const TABLE_MEMBERS = ['symtab', 'num_symtab', 'strtab', 'typetab'] as const;

interface Tables {
  readonly symtab: bigint;
  readonly count: number;
  readonly strtab: bigint;
  readonly typetab: bigint;
}

/**
 * Reads the symbols of modules.
 *
 * @param found - of the same kernel
 * @internal
 */
export async function readModules(
  found: FoundModules,
  { btf, wordBytes }: KernelNames,
  space: AddressSpace,
): Promise<ModuleList> {
  const problems = [...found.problems];
  const modules: LoadedModule[] = [];
  if (btf === null || found.modules.length === 0) return { modules, problems };
  const tables = await readTables(found.modules, btf, space, wordBytes);
  if (tables === null) {
    problems.push('this kernel keeps the symbols of its modules in a way that is not known');
    return { modules, problems };
  }
  const effort = new Effort('the symbols of modules', MOST_BYTES);
  try {
    for (const [at, { name, ranges }] of found.modules.entries()) {
      const table = tables[at] ?? null;
      const symbols = table && (await readSymbols(name, table, space, wordBytes, effort));
      if (symbols === null) problems.push(`the symbols of the module ${name} cannot be read`);
      else modules.push({ name, ranges, symbols });
    }
  } catch (error) {
    if (!(error instanceof LinuxDataError)) throw error;
    problems.push(error.message);
  }
  return { modules, problems };
}

/** @returns null for a kernel whose tables are not known, and for a module whose table is not there */
async function readTables(
  modules: readonly FoundModule[],
  btf: Btf,
  space: AddressSpace,
  wordBytes: 4 | 8,
): Promise<readonly (Tables | null)[] | null> {
  const offsets = TABLE_MEMBERS.map((member) => btf.findMember('mod_kallsyms', member)?.offsetBytes);
  if (offsets.includes(undefined) || modules.some(({ kallsyms }) => kallsyms === null)) return null;
  const read = await space.readWords(
    modules.map(({ kallsyms }) => kallsyms ?? 0n),
    offsets as number[],
    wordBytes,
  );
  return read.map((words) => {
    const [symtab, number = 0n, strtab, typetab] = words ?? [];
    // An `unsigned int`, in a word of its own or beside another.
    const count = Number(number & 0xffff_ffffn);
    if (symtab === undefined || strtab === undefined || typetab === undefined || count > MOST_SYMBOLS) return null;
    return { symtab, count, strtab, typetab };
  });
}

async function readSymbols(
  module: string,
  { symtab, count, strtab, typetab }: Tables,
  space: AddressSpace,
  wordBytes: 4 | 8,
  effort: Effort,
): Promise<SymbolTable | null> {
  const entryBytes = wordBytes === 8 ? 24 : 16;
  effort.spend(count * (entryBytes + 1));
  const [entries = null, types = null] = await space.readMany([
    { address: symtab, lengthBytes: count * entryBytes },
    { address: typetab, lengthBytes: count },
  ]);
  if (entries === null || types === null) return null;
  let furthest = 0;
  for (let index = 0; index < count; index += 1) furthest = Math.max(furthest, u32(entries, index * entryBytes));
  effort.spend(furthest);
  const strings = await readStrings(strtab, furthest, space);
  if (strings === undefined) return null;
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
