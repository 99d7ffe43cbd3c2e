import { DumpFormatError, DumpUnsupportedError } from '../errors.ts';
import { type ByteSource, readPiece, requireInside } from '../file/byte-source.ts';
import { Fields } from '../file/fields.ts';
import { type FileRange, FileRanges } from '../file/file-ranges.ts';
import { type CoreNotes, decodeCoreNotes } from '../notes/core-notes.ts';
import type { DumpImage } from './dump-image.ts';

const MAGIC = 0x464c_457f;
const CLASS_32 = 1;
const CLASS_64 = 2;
const LITTLE_ENDIAN = 1;
const ET_CORE = 4;
const EM_386 = 3;
const EM_X86_64 = 62;
const PT_LOAD = 1;
const PT_NOTE = 4;
/** So many program headers, or more: their number is in the first section header. */
const PN_XNUM = 0xffff;
const HEADER_BYTES = 64;
/** A dump with paging has one for each mapping of each address space that is in use. */
const MOST_PROGRAM_HEADERS = 4_194_304;
const HEADERS_AT_ONCE = 16_384;
/** Two notes of each of some thousand vCPUs, and the kernel's own. */
const MOST_NOTE_BYTES = 32 << 20;

/** Where fields lie in both classes. */
const LAYOUTS = {
  [CLASS_32]: { programHeaderBytes: 32, sectionInfo: 28 },
  [CLASS_64]: { programHeaderBytes: 56, sectionInfo: 44 },
} as const;

interface ElfHeader {
  readonly isWide: boolean;
  readonly programHeaders: number;
  readonly sectionHeaders: number;
  readonly programHeaderBytes: number;
  readonly count: number;
}

interface ProgramHeader {
  readonly type: number;
  readonly offset: number;
  readonly physicalAddress: number;
  readonly fileBytes: number;
}

/** @internal */
export function isElf(start: Uint8Array): boolean {
  return start.length >= 20 && new Fields(start).u32(0) === MAGIC;
}

/**
 * Opens an ELF core, as `dump-guest-memory` and `virsh dump --memory-only` write it.
 *
 * @throws DumpFormatError `ERR_DUMP_FORMAT`, DumpUnsupportedError `ERR_DUMP_UNSUPPORTED`.
 * @internal
 */
export function openElfCore(source: ByteSource): DumpImage {
  const header = readHeader(source);
  const notes: Uint8Array[] = [];
  const ranges = new FileRanges(source, readLoads(source, header, notes));
  return {
    format: 'ELF core',
    spans: ranges.spans,
    notes: mergeNotes(notes.map((bytes) => decodeCoreNotes(bytes, source.name))),
    readInto: (address, target) => ranges.readInto(address, target),
    pagesLeftOut: 0,
    isScannable: true,
  };
}

function mergeNotes(all: readonly CoreNotes[]): CoreNotes {
  return {
    cpus: all.flatMap(({ cpus }) => cpus),
    vmcoreinfo: all.find(({ vmcoreinfo }) => vmcoreinfo !== null)?.vmcoreinfo ?? null,
  };
}

function readHeader(source: ByteSource): ElfHeader {
  const { name } = source;
  const fields = new Fields(readPiece(source, 0, HEADER_BYTES, 'its ELF header', HEADER_BYTES));
  const [elfClass, order] = [fields.bytes[4], fields.bytes[5]];
  if ((elfClass !== CLASS_32 && elfClass !== CLASS_64) || order !== LITTLE_ENDIAN) {
    throw new DumpUnsupportedError(
      name,
      'is an ELF file, but not of a little-endian machine: only x86 guests are read',
    );
  }
  const [type, machine] = [fields.u16(16), fields.u16(18)];
  if (type !== ET_CORE) {
    throw new DumpUnsupportedError(
      name,
      `is an ELF file of type ${type}, not a core (type ${ET_CORE}): a kernel's symbols go to --symbols`,
    );
  }
  if (machine !== EM_X86_64 && machine !== EM_386) {
    throw new DumpUnsupportedError(name, `is a core of ELF machine ${machine}; only x86 guests (62, 3) are read`);
  }
  const isWide = elfClass === CLASS_64;
  const header = {
    isWide,
    programHeaders: isWide ? fields.size(32) : fields.u32(28),
    sectionHeaders: isWide ? fields.size(40) : fields.u32(32),
    programHeaderBytes: fields.u16(isWide ? 54 : 42),
    count: fields.u16(isWide ? 56 : 44),
  };
  const { programHeaderBytes } = LAYOUTS[elfClass];
  if (header.programHeaderBytes !== programHeaderBytes) {
    throw new DumpFormatError(
      name,
      `its program headers have ${header.programHeaderBytes} bytes, not ${programHeaderBytes}`,
    );
  }
  return { ...header, count: header.count === PN_XNUM ? realCount(source, header, elfClass) : header.count };
}

function realCount(source: ByteSource, { sectionHeaders }: ElfHeader, elfClass: 1 | 2): number {
  const at = LAYOUTS[elfClass].sectionInfo;
  const bytes = readPiece(source, sectionHeaders, at + 4, 'the section header with the number of its segments', 64);
  return new Fields(bytes).u32(at);
}

/** @param notes - takes the bytes of those that are met */
function* readLoads(source: ByteSource, header: ElfHeader, notes: Uint8Array[]): Generator<FileRange> {
  let noteBytes = 0;
  for (const { type, offset, physicalAddress, fileBytes } of readProgramHeaders(source, header)) {
    if (type === PT_NOTE) {
      noteBytes += fileBytes;
      notes.push(
        readPiece(source, offset, fileBytes, 'its notes', Math.max(0, MOST_NOTE_BYTES - noteBytes + fileBytes)),
      );
    }
    // What the guest has mapped and the dump does not hold, such as memory of a device, has no bytes in the file.
    if (type === PT_LOAD && fileBytes > 0) yield { address: physicalAddress, offset, lengthBytes: fileBytes };
  }
}

function* readProgramHeaders(source: ByteSource, header: ElfHeader): Generator<ProgramHeader> {
  const { programHeaders, programHeaderBytes, count, isWide } = header;
  if (count > MOST_PROGRAM_HEADERS) {
    throw new DumpFormatError(source.name, `it has ${count} segments, and ${MOST_PROGRAM_HEADERS} at most are read`);
  }
  requireInside(source, programHeaders, count * programHeaderBytes, 'its program headers');
  for (let from = 0; from < count; from += HEADERS_AT_ONCE) {
    const here = Math.min(HEADERS_AT_ONCE, count - from);
    const bytes = new Uint8Array(here * programHeaderBytes);
    source.readInto(programHeaders + from * programHeaderBytes, bytes);
    const fields = new Fields(bytes);
    for (let at = 0; at < bytes.length; at += programHeaderBytes) {
      yield isWide
        ? {
            type: fields.u32(at),
            offset: fields.size(at + 8),
            physicalAddress: fields.size(at + 24),
            fileBytes: fields.size(at + 32),
          }
        : {
            type: fields.u32(at),
            offset: fields.u32(at + 4),
            physicalAddress: fields.u32(at + 12),
            fileBytes: fields.u32(at + 16),
          };
    }
  }
}
