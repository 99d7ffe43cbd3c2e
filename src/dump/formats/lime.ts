import { DumpFormatError, DumpUnsupportedError } from '../errors.ts';
import { type ByteSource, readPiece } from '../file/byte-source.ts';
import { Fields } from '../file/fields.ts';
import { type FileRange, FileRanges } from '../file/file-ranges.ts';
import { NO_NOTES } from '../notes/core-notes.ts';
import type { DumpImage } from './dump-image.ts';

/** LiME's file is ranges one after the other: magic, version, first and last address, 8 bytes unused, then the memory. */
const MAGIC = 0x4c69_4d45;
const VERSION = 1;
const HEADER_BYTES = 32;

/** @internal */
export function isLime(start: Uint8Array): boolean {
  return start.length >= HEADER_BYTES && new Fields(start).u32(0) === MAGIC;
}

/**
 * Opens what LiME writes, or AVML without compression.
 *
 * @throws DumpFormatError `ERR_DUMP_FORMAT`, DumpUnsupportedError `ERR_DUMP_UNSUPPORTED`.
 * @internal
 */
export function openLime(source: ByteSource): DumpImage {
  const ranges = new FileRanges(source, readRanges(source));
  return {
    format: 'LiME',
    spans: ranges.spans,
    notes: NO_NOTES,
    readInto: (address, target) => ranges.readInto(address, target),
    pagesLeftOut: 0,
    isScannable: true,
  };
}

function* readRanges(source: ByteSource): Generator<FileRange> {
  for (let at = 0; at < source.sizeBytes; ) {
    const fields = new Fields(readPiece(source, at, HEADER_BYTES, 'the header of a range', HEADER_BYTES));
    const [magic, version] = [fields.u32(0), fields.u32(4)];
    if (magic !== MAGIC) throw new DumpFormatError(source.name, `no range of LiME begins at byte ${at}`);
    if (version !== VERSION)
      throw new DumpUnsupportedError(source.name, `is of version ${version} of LiME, not ${VERSION}`);
    const address = fields.size(8);
    const lengthBytes = Number(fields.u64(16) - fields.u64(8) + 1n);
    yield { address, offset: at + HEADER_BYTES, lengthBytes };
    at += HEADER_BYTES + lengthBytes;
  }
}
