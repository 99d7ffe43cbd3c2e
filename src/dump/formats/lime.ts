import { constants, inflateSync } from 'node:zlib';
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
const PACKED_START_BYTES = 4096;
/** Deflate packs a thousand to one at most. */
const MOST_UNPACKED_BYTES = 1032 * PACKED_START_BYTES + HEADER_BYTES;

/** @internal */
export function isLime(start: Uint8Array): boolean {
  return start.length >= HEADER_BYTES && new Fields(start).u32(0) === MAGIC;
}

/** What LiME packs (`compress=1`) is one stream of zlib from its first byte on. @internal */
export function isPackedLime(source: ByteSource): boolean {
  const start = new Uint8Array(Math.min(PACKED_START_BYTES, source.sizeBytes));
  source.readInto(0, start);
  // RFC 1950, 2.2: deflate, and a check of both bytes.
  const [method = 0, flags = 0] = start;
  if ((method & 0x0f) !== 8 || (method * 256 + flags) % 31 !== 0) return false;
  try {
    return isLime(inflateSync(start, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: MOST_UNPACKED_BYTES }));
  } catch {
    // Memory that begins like it, or a page of zeros that unpacks to more.
    return false;
  }
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
    if (magic !== MAGIC) {
      const advice = magic === 0 ? `: if only zeros follow, as on a device, cut it off there (truncate -s ${at})` : '';
      throw new DumpFormatError(source.name, `no range of LiME begins at byte ${at}${advice}`);
    }
    if (version !== VERSION)
      throw new DumpUnsupportedError(source.name, `is of version ${version} of LiME, not ${VERSION}`);
    const address = fields.size(8);
    const lengthBytes = Number(fields.u64(16) - fields.u64(8) + 1n);
    yield { address, offset: at + HEADER_BYTES, lengthBytes };
    at += HEADER_BYTES + lengthBytes;
  }
}
