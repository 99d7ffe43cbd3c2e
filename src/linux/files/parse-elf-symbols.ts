import { Effort } from '../effort.ts';
import { LinuxDataError } from '../errors.ts';
import { decodeName } from '../memory/latin-text.ts';
import { u16, u32, u64 } from '../memory/little-endian.ts';
import { makeColumns, type PlainSymbol } from '../symbols/make-columns.ts';
import { SymbolTable } from '../symbols/symbol-table.ts';

/** Bytes of a file, as few as are needed: a kernel with debug information has hundreds of megabytes. @internal */
export interface FileBytes {
  readonly lengthBytes: number;
  /** @returns fewer bytes where the file ends */
  read(offset: number, lengthBytes: number): Uint8Array;
}

const MAGIC = 0x464c_457f;
const CLASS_64 = 2;
const LITTLE_ENDIAN = 1;
const SHT_SYMTAB = 2;
const MOST_SECTIONS = 65_536;
const MOST_TABLE_BYTES = 512 << 20;
/** Of all symbols together: ten times what the largest kernels have. */
const MOST_NAME_BYTES = 256 << 20;
/** Symbol types that name no place: sections, files. */
const STT_SECTION = 3;
const STT_FILE = 4;
const SHN_UNDEF = 0;
const SHN_ABS = 0xfff1;
const STB_LOCAL = 0;
const STB_WEAK = 2;
const SHF_WRITE = 1;
const SHF_ALLOC = 2;
const SHF_EXECINSTR = 4;
const SHT_NOBITS = 8;

interface Section {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly lengthBytes: number;
  readonly link: number;
}

/** Whether a file begins as ELF does. @internal */
export function isElf(file: FileBytes): boolean {
  return u32(file.read(0, 4), 0) === MAGIC;
}

/**
 * The symbols of an ELF file's symbol table, as `nm` lists them: those that have a name and name a place.
 *
 * A few lines of our own and no library: of ELF this takes two tables and none of its other hundred structures, with bounds for
 * files that lie.
 *
 * @throws LinuxDataError `ERR_LINUX_DATA` for a file that is damaged, of another machine's byte order, or stripped.
 * @internal
 */
export function parseElfSymbols(file: FileBytes, what: string): SymbolTable {
  const header = file.read(0, 64);
  const isWide = header[4] === CLASS_64;
  if (u32(header, 0) !== MAGIC || header[5] !== LITTLE_ENDIAN) {
    throw new LinuxDataError(what, 'it is no ELF file of a little-endian machine');
  }
  const sections = readSections(file, header, isWide, what);
  const table = sections.find(({ type }) => type === SHT_SYMTAB);
  const strings = table === undefined ? undefined : sections[table.link];
  if (table === undefined || strings === undefined)
    throw new LinuxDataError(what, 'it has no symbol table: it is stripped');
  const symbols = readSymbols(take(file, table, what), take(file, strings, what), sections, isWide, what);
  if (symbols.length === 0) throw new LinuxDataError(what, 'its symbol table is empty');
  const text = symbols.find(({ name }) => name === '_stext' || name === '_text');
  return new SymbolTable(makeColumns(symbols), { lowest: text?.address ?? 0n });
}

function readSections(file: FileBytes, header: Uint8Array, isWide: boolean, what: string): Section[] {
  const offset = isWide ? Number(u64(header, 0x28)) : u32(header, 0x20);
  const entryBytes = u16(header, isWide ? 0x3a : 0x2e);
  let count = u16(header, isWide ? 0x3c : 0x30);
  if (offset === 0 || entryBytes < (isWide ? 64 : 40))
    throw new LinuxDataError(what, 'it has no sections: it is stripped');
  // More sections than 16 bits can say: their number is in the first one.
  if (count === 0) count = u32(file.read(offset, entryBytes), isWide ? 0x20 : 0x14);
  if (count > MOST_SECTIONS) throw new LinuxDataError(what, `it has ${count} sections`);
  const bytes = file.read(offset, count * entryBytes);
  if (bytes.length < count * entryBytes) throw new LinuxDataError(what, 'it ends before its sections do');
  return Array.from({ length: count }, (_, index) => {
    const at = index * entryBytes;
    const number = (wide: number, narrow: number): number =>
      isWide ? Number(u64(bytes, at + wide)) : u32(bytes, at + narrow);
    return {
      type: u32(bytes, at + 4),
      flags: number(0x08, 0x08),
      offset: number(0x18, 0x10),
      lengthBytes: number(0x20, 0x14),
      link: u32(bytes, at + (isWide ? 0x28 : 0x18)),
    };
  });
}

function take(file: FileBytes, { offset, lengthBytes }: Section, what: string): Uint8Array {
  const isInside = offset + lengthBytes <= file.lengthBytes && lengthBytes <= MOST_TABLE_BYTES;
  if (!isInside) throw new LinuxDataError(what, 'a table in it reaches beyond its end');
  return file.read(offset, lengthBytes);
}

function readSymbols(
  table: Uint8Array,
  strings: Uint8Array,
  sections: readonly Section[],
  isWide: boolean,
  what: string,
): PlainSymbol[] {
  // Names may overlap: a table can have more of them than the file has bytes.
  const effort = new Effort(what, MOST_NAME_BYTES);
  const entryBytes = isWide ? 24 : 16;
  const symbols: PlainSymbol[] = [];
  for (let at = entryBytes; at + entryBytes <= table.length; at += entryBytes) {
    const info = table[at + (isWide ? 4 : 12)] ?? 0;
    const section = u16(table, at + (isWide ? 6 : 14));
    const kind = info & 0xf;
    const name = decodeName(strings, u32(table, at));
    effort.spend(1 + name.length);
    if (name === '' || section === SHN_UNDEF || kind === STT_SECTION || kind === STT_FILE) continue;
    const address = isWide ? u64(table, at + 8) : BigInt(u32(table, at + 4));
    symbols.push({ name, address, type: letterOf(info >> 4, section, sections[section]) });
  }
  // In the order of addresses, as nm -n and System.map have them; of one address in the order of the table.
  return symbols.sort((one, other) => (one.address < other.address ? -1 : one.address > other.address ? 1 : 0));
}

/** As nm has them: small where the symbol is local. */
function letterOf(binding: number, section: number, place: Section | undefined): string {
  if (binding === STB_WEAK) return 'W';
  const letter = section === SHN_ABS || place === undefined ? 'A' : letterOfSection(place);
  return binding === STB_LOCAL ? letter.toLowerCase() : letter;
}

function letterOfSection({ type, flags }: Section): string {
  if ((flags & SHF_ALLOC) === 0) return 'N';
  if ((flags & SHF_EXECINSTR) !== 0) return 'T';
  if (type === SHT_NOBITS) return 'B';
  return (flags & SHF_WRITE) !== 0 ? 'D' : 'R';
}
