import { DumpFormatError, DumpUnsupportedError } from '../errors.ts';
import type { ByteSource } from '../file/byte-source.ts';
import { latin1 } from '../file/fields.ts';
import { FlattenedFile, isFlattened } from '../file/flattened-file.ts';
import type { DumpImage } from './dump-image.ts';
import { isElf, openElfCore } from './elf-core.ts';
import { isKdump, openKdump } from './kdump.ts';
import { isLime, isPackedLime, openLime } from './lime.ts';
import { openRaw } from './raw.ts';

const START_BYTES = 64;
const PAGE_BYTES = 4096;

/** What is recognized and not read, by how it begins, with what to do. */
const OTHERS: readonly (readonly [start: string, what: string])[] = [
  [
    'LibvirtQemud',
    "is a state that libvirt saved (virsh save, or virsh dump without --memory-only), which is QEMU's migration stream: " +
      'take virsh dump --memory-only',
  ],
  ['QEVM', "is QEMU's migration stream: take the monitor's dump-guest-memory"],
  ['AVML', 'is compressed by AVML: unpack it with avml-convert'],
  ['PAGEDU64', 'is a dump for Windows (win-dmp): take dump-guest-memory with another format'],
  ['PAGEDUMP', 'is a dump for Windows (win-dmp): take dump-guest-memory with another format'],
  ['DISKDUMP', 'is a diskdump, the predecessor of kdump-compressed files'],
  ['QFI\u00fb', 'is a disk image (qcow2), not a dump of memory'],
  ['\u001f\u008b', 'is packed with gzip: unpack it first'],
  ['\u00fd7zXZ', 'is packed with xz: unpack it first'],
  ['\u0028\u00b5\u002f\u00fd', 'is packed with zstd: unpack it first'],
  ['BZh', 'is packed with bzip2: unpack it first'],
];

/**
 * Recognizes a dump by how it begins; what is not recognized is raw memory.
 *
 * @throws DumpFormatError `ERR_DUMP_FORMAT`, DumpUnsupportedError `ERR_DUMP_UNSUPPORTED`.
 * @internal
 */
export function openImage(file: ByteSource): DumpImage {
  const source = isFlattened(file) ? new FlattenedFile(file) : file;
  const start = new Uint8Array(Math.min(START_BYTES, source.sizeBytes));
  source.readInto(0, start);
  // Holes of a flattened stream are larger than any disk, and take as long to look through.
  if (isElf(start)) return { ...openElfCore(source), isScannable: source === file };
  if (isKdump(start)) return openKdump(source);
  if (isLime(start)) return openLime(source);
  const text = latin1(start);
  const other = OTHERS.find(([beginning]) => text.startsWith(beginning));
  if (other !== undefined) throw new DumpUnsupportedError(source.name, other[1]);
  if (isPackedLime(source))
    throw new DumpUnsupportedError(source.name, 'is a LiME dump packed with zlib: unpack it first (unpigz)');
  if (source !== file) throw new DumpFormatError(source.name, 'holds neither an ELF core nor a kdump-compressed file');
  if (source.sizeBytes < PAGE_BYTES) {
    throw new DumpFormatError(source.name, `has ${source.sizeBytes} bytes, which is no dump of memory`);
  }
  return openRaw(source);
}
