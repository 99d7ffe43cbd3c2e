import zlib from 'node:zlib';
import { DumpFormatError, DumpUnsupportedError } from '../errors.ts';
import { PackedPageError } from './packed-page-error.ts';
import { unpackLzo } from './unpack-lzo.ts';
import { unpackSnappy } from './unpack-snappy.ts';

const PAGE_BYTES = 4096;

/** Flags of a page's descriptor: how it is packed. */
const ZLIB = 1 << 0;
const LZO = 1 << 1;
const SNAPPY = 1 << 2;
const ZSTD = 1 << 5;

/** All of them: a descriptor has other flags besides. @internal */
export const PACKINGS = ZLIB | LZO | SNAPPY | ZSTD;

/** Node has it from 22.15 and 23.8 on. */
type UnpackZstd = (packed: Uint8Array, options: { readonly maxOutputLength: number }) => Uint8Array;
const unpackZstd = (zlib as { readonly zstdDecompressSync?: UnpackZstd }).zstdDecompressSync;

/** More than a page is a lie, and is not unpacked; a little more room shows that there was more. */
const BOUNDS = { maxOutputLength: PAGE_BYTES, chunkSize: PAGE_BYTES + 64 };

/**
 * Unpacks one page of a kdump-compressed file.
 *
 * @param packing - one of the flags, or 0 for a page that is as it is
 * @param what - is unpacked, for errors
 * @throws DumpFormatError `ERR_DUMP_FORMAT` for what does not come to exactly a page; DumpUnsupportedError `ERR_DUMP_UNSUPPORTED`.
 * @internal
 */
export function unpackPage(packed: Uint8Array, packing: number, file: string, what: string): Uint8Array {
  const page = unpack(packed, packing, file, what);
  if (page.length === PAGE_BYTES) return page;
  throw new DumpFormatError(file, `${what} comes to ${page.length} bytes`);
}

function unpack(packed: Uint8Array, packing: number, file: string, what: string): Uint8Array {
  if (packing === 0) return packed;
  if (packing === ZSTD && unpackZstd === undefined) {
    throw new DumpUnsupportedError(
      file,
      `its pages are packed with zstd, which this Node (${process.version}) lacks: run with Node 22.15 or later, ` +
        'or write the dump with zlib (makedumpfile -c)',
    );
  }
  try {
    if (packing === ZLIB) return zlib.inflateSync(packed, BOUNDS);
    if (packing === LZO) return unpackLzo(packed, PAGE_BYTES);
    if (packing === SNAPPY) return unpackSnappy(packed, PAGE_BYTES);
    if (packing === ZSTD && unpackZstd !== undefined) return unpackZstd(packed, BOUNDS);
  } catch (error) {
    if (!(error instanceof PackedPageError) && !isZlibError(error)) throw error;
    throw new DumpFormatError(file, `${what} cannot be unpacked: ${error.message}`, { cause: error });
  }
  throw new DumpFormatError(file, `${what} is packed in two ways at once (flags ${packing})`);
}

/** Of the data, or of the bound on what it comes to. */
function isZlibError(error: unknown): error is Error {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return false;
  return /^(?:Z_|ZSTD_|ERR_BUFFER_TOO_LARGE$)/.test(error.code);
}
