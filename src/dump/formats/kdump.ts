import { formatHex } from '../../paging/index.ts';
import { DumpFormatError, DumpUnsupportedError } from '../errors.ts';
import { type ByteSource, readPiece, requireInside } from '../file/byte-source.ts';
import { Fields, latin1 } from '../file/fields.ts';
import { type CoreNotes, decodeCoreNotes, NO_NOTES } from '../notes/core-notes.ts';
import { PACKINGS, unpackPage } from '../pages/unpack-page.ts';
import type { DumpImage } from './dump-image.ts';
import { PageBitmap } from './page-bitmap.ts';

/**
 * A kdump-compressed file, as QEMU and makedumpfile write it, in blocks of a page:
 *
 * ```
 * header │ sub-header, notes │ bitmap of pages that the machine has │ bitmap of pages that are here │ descriptors │ pages
 * ```
 *
 * The descriptor of a page is the one with the number of pages that are here before it.
 */
const SIGNATURE = 'KDUMP   ';
const PAGE_BYTES = 4096;
/** Enough for 1 TiB of guest memory. */
const MOST_BITMAP_BYTES = 32 << 20;
const MOST_NOTE_BYTES = 32 << 20;
const DESCRIPTOR_BYTES = 24;
/** In the header's status: it did not fit where it was written. */
const INCOMPLETE = 8;
/** Pages that were unpacked last: a walk looks at few entries of each, one after the other. */
const KEPT_PAGES = 256;

const MACHINE_AT = 12 + 4 * 65;
/** Where status, block size and what follows are, behind a time of 16 or 8 bytes. */
const WIDE_AT = 424;
const NARROW_AT = 412;

interface Header {
  readonly isWide: boolean;
  readonly version: number;
  readonly subHeaderBlocks: number;
  readonly bitmapBlocks: number;
  readonly maxPage: number;
}

interface SubHeader {
  readonly isSplit: boolean;
  readonly notesAt: number;
  readonly noteBytes: number;
  readonly maxPage: number;
}

/** @internal */
export function isKdump(start: Uint8Array): boolean {
  return latin1(start.subarray(0, SIGNATURE.length)) === SIGNATURE;
}

/**
 * Opens a kdump-compressed file.
 *
 * @throws DumpFormatError `ERR_DUMP_FORMAT`, DumpUnsupportedError `ERR_DUMP_UNSUPPORTED`.
 * @internal
 */
export function openKdump(source: ByteSource): DumpImage {
  const header = readHeader(source);
  const subHeader = readSubHeader(source, header);
  if (subHeader.isSplit) {
    throw new DumpUnsupportedError(
      source.name,
      'is one part of a split dump: put it together with makedumpfile --reassemble',
    );
  }
  const maxPage = Math.max(header.maxPage, subHeader.maxPage);
  const half = (header.bitmapBlocks / 2) * PAGE_BYTES;
  if (half % PAGE_BYTES !== 0 || half * 8 < maxPage) {
    throw new DumpFormatError(source.name, `its bitmap has ${half * 8} bits, and there are ${maxPage} pages`);
  }
  const at = (1 + header.subHeaderBlocks) * PAGE_BYTES;
  const bitmap = (offset: number): PageBitmap =>
    new PageBitmap(readPiece(source, offset, half, 'its bitmap of pages', MOST_BITMAP_BYTES), maxPage);
  const spans = bitmap(at).spans(source.name);
  const pages = new KdumpPages(source, bitmap(at + half), at + 2 * half);
  return {
    format: 'kdump-compressed',
    spans,
    notes: readCoreNotes(source, subHeader),
    readInto: (address, target) => pages.readInto(address, target),
    get pagesLeftOut() {
      return pages.leftOut;
    },
    isScannable: false,
  };
}

function readHeader(source: ByteSource): Header {
  const fields = new Fields(readPiece(source, 0, PAGE_BYTES, 'its header', PAGE_BYTES));
  const isWide = isOf64Bits(fields, source.name);
  const at = isWide ? WIDE_AT : NARROW_AT;
  const [status, blockBytes] = [fields.u32(at), fields.u32(at + 4)];
  if (blockBytes !== PAGE_BYTES) {
    throw new DumpFormatError(source.name, `its blocks have ${blockBytes} bytes, and x86 has pages of ${PAGE_BYTES}`);
  }
  if ((status & INCOMPLETE) !== 0) {
    throw new DumpFormatError(source.name, 'says of itself that it is incomplete: there was no room to write it');
  }
  return {
    isWide,
    version: fields.u32(8),
    subHeaderBlocks: fields.u32(at + 8),
    bitmapBlocks: fields.u32(at + 12),
    maxPage: fields.u32(at + 16),
  };
}

/** QEMU calls every machine "Unknown" where the guest has not told, and then leaves the time at zero. */
function isOf64Bits(fields: Fields, file: string): boolean {
  const machine = fields.text(MACHINE_AT, 65);
  if (machine === 'x86_64') return true;
  if (/^i[3-6]86$/.test(machine)) return false;
  if (machine === 'Unknown' || machine === '') return fields.u32(NARROW_AT + 4) !== PAGE_BYTES;
  throw new DumpUnsupportedError(
    file,
    `is a dump of a machine ${JSON.stringify(machine)}; only x86 guests (x86_64, i686) are read`,
  );
}

function readSubHeader(source: ByteSource, { isWide, version, subHeaderBlocks }: Header): SubHeader {
  if (subHeaderBlocks === 0) return { isSplit: false, notesAt: 0, noteBytes: 0, maxPage: 0 };
  const fields = new Fields(readPiece(source, PAGE_BYTES, PAGE_BYTES, 'its sub-header', PAGE_BYTES));
  const wide = {
    isSplit: fields.u32(12) !== 0,
    notesAt: fields.size(48),
    noteBytes: fields.size(56),
    maxPage: fields.size(96),
  };
  const narrow = {
    isSplit: fields.u32(8) !== 0,
    notesAt: fields.size(32),
    noteBytes: fields.u32(40),
    maxPage: fields.size(72),
  };
  const { isSplit, notesAt, noteBytes, maxPage } = isWide ? wide : narrow;
  return {
    // Each came with a version.
    isSplit: version >= 2 && isSplit,
    notesAt,
    noteBytes: version >= 4 ? noteBytes : 0,
    maxPage: version >= 6 ? maxPage : 0,
  };
}

function readCoreNotes(source: ByteSource, { notesAt, noteBytes }: SubHeader): CoreNotes {
  if (noteBytes === 0) return NO_NOTES;
  return decodeCoreNotes(readPiece(source, notesAt, noteBytes, 'its notes', MOST_NOTE_BYTES), source.name);
}

/** Pages as they are unpacked. */
class KdumpPages {
  leftOut = 0;
  readonly #source: ByteSource;
  readonly #here: PageBitmap;
  readonly #descriptorsAt: number;
  readonly #kept = new Map<number, Uint8Array>();

  constructor(source: ByteSource, here: PageBitmap, descriptorsAt: number) {
    this.#source = source;
    this.#here = here;
    this.#descriptorsAt = descriptorsAt;
  }

  readInto(address: number, target: Uint8Array): void {
    for (let done = 0; done < target.length; ) {
      const at = address + done;
      const offset = at % PAGE_BYTES;
      const count = Math.min(PAGE_BYTES - offset, target.length - done);
      target.set(this.#page((at - offset) / PAGE_BYTES).subarray(offset, offset + count), done);
      done += count;
    }
  }

  #page(page: number): Uint8Array {
    const known = this.#kept.get(page);
    if (known !== undefined) return known;
    const bytes = this.#unpack(page);
    this.#kept.set(page, bytes);
    if (this.#kept.size > KEPT_PAGES) {
      const [oldest = page] = this.#kept.keys();
      this.#kept.delete(oldest);
    }
    return bytes;
  }

  #unpack(page: number): Uint8Array {
    if (!this.#here.has(page)) {
      this.leftOut += 1;
      return new Uint8Array(PAGE_BYTES);
    }
    const what = `the page at guest physical ${formatHex(page * PAGE_BYTES)}`;
    const place = this.#descriptorsAt + this.#here.rankOf(page) * DESCRIPTOR_BYTES;
    const fields = new Fields(
      readPiece(this.#source, place, DESCRIPTOR_BYTES, `the descriptor of ${what}`, PAGE_BYTES),
    );
    const [offset, lengthBytes, packing] = [fields.size(0), fields.u32(8), fields.u32(12) & PACKINGS];
    if (lengthBytes === 0 || lengthBytes > PAGE_BYTES) {
      throw new DumpFormatError(this.#source.name, `${what} is packed in ${lengthBytes} bytes`);
    }
    requireInside(this.#source, offset, lengthBytes, what);
    const packed = new Uint8Array(lengthBytes);
    this.#source.readInto(offset, packed);
    return unpackPage(packed, packing, this.#source.name, what);
  }
}
