import { ByteReader } from '../container/byte-reader.ts';
import { ByteWriter } from '../container/byte-writer.ts';
import { LAYOUT, type Pieces } from './pieces.ts';
import { type Piece, PiecesBuilder } from './pieces-builder.ts';

/** Ranges in few bytes: each number as it differs from what the range before it leads to. @internal */
export class RangeEncoder {
  readonly #writer = new ByteWriter(65_536);
  #next = 0;
  #nextPhysical = 0;
  #attributes = 0;
  length = 0;

  get lengthBytes(): number {
    return this.#writer.lengthBytes;
  }

  /** @param given - in ascending order; of two that share a page the first has it */
  add(given: Piece): void {
    const shared = Math.max(0, this.#next - given.first);
    if (given.pages <= shared) return;
    const piece = shared === 0 ? given : without(given, shared);
    const writer = this.#writer;
    writer.number(piece.first - this.#next);
    writer.number(piece.pages);
    writer.number(4 * piece.shift + piece.layout);
    writer.number(piece.attributes ^ this.#attributes);
    writer.signed(piece.physical - this.#nextPhysical);
    writer.number(piece.leaves);
    writer.number(piece.accessed);
    writer.number(piece.dirty);
    writer.number(piece.classes);
    this.#next = piece.first + piece.pages;
    this.#nextPhysical = piece.physical + piece.pages;
    this.#attributes = piece.attributes;
    this.length += 1;
  }

  /** @param complete - whether these were all */
  encode(complete: boolean): Uint8Array {
    const writer = new ByteWriter(this.lengthBytes + 16);
    writer.byte(complete ? 1 : 0);
    writer.number(this.length);
    writer.bytes(this.#writer.written());
    return writer.written();
  }
}

function without(piece: Piece, pages: number): Piece {
  const physical = piece.layout === LAYOUT.inOnePiece ? piece.physical + pages : piece.physical;
  return { ...piece, first: piece.first + pages, pages: piece.pages - pages, physical };
}

/** @throws PictureError when the ranges were cut off. @internal */
export function decodeRanges(bytes: Uint8Array): Pieces {
  const reader = new ByteReader(bytes);
  const complete = reader.byte() === 1;
  const count = reader.number();
  const builder = new PiecesBuilder();
  let next = 0;
  let nextPhysical = 0;
  // One for all, as the builder copies what is in it.
  const piece: Piece = {
    first: 0,
    pages: 0,
    physical: 0,
    layout: 0,
    attributes: 0,
    shift: 0,
    leaves: 0,
    accessed: 0,
    dirty: 0,
    classes: 0,
  };
  for (let at = 0; at < count; at += 1) {
    piece.first = next + reader.number();
    piece.pages = reader.number();
    const form = reader.number();
    piece.layout = form % 4;
    piece.shift = Math.floor(form / 4);
    piece.attributes ^= reader.number();
    piece.physical = nextPhysical + reader.signed();
    piece.leaves = reader.number();
    piece.accessed = reader.number();
    piece.dirty = reader.number();
    piece.classes = reader.number();
    builder.add(piece);
    next = piece.first + piece.pages;
    nextPhysical = piece.physical + piece.pages;
  }
  return builder.build('ranges', complete);
}

/** One piece out of its columns. */
function pieceOf(pieces: Pieces, at: number): Piece {
  return {
    first: pieces.first[at] as number,
    pages: pieces.pages[at] as number,
    physical: pieces.physical[at] as number,
    layout: pieces.layout[at] as number,
    attributes: pieces.attributes[at] as number,
    shift: pieces.shift[at] as number,
    leaves: pieces.leaves[at] as number,
    accessed: pieces.accessed[at] as number,
    dirty: pieces.dirty[at] as number,
    classes: pieces.classes[at] as number,
  };
}

/** The first ranges of an encoder's bytes, and no more. @internal */
export function firstRanges(bytes: Uint8Array, count: number): Uint8Array {
  const pieces = decodeRanges(bytes);
  const encoder = new RangeEncoder();
  for (let at = 0; at < Math.min(count, pieces.length); at += 1) encoder.add(pieceOf(pieces, at));
  return encoder.encode(pieces.complete && count >= pieces.length);
}

/** Neighbours with the same rights as one range, wherever they lead: as `pagewalk map` has them. @internal */
export function joinRanges(bytes: Uint8Array): Uint8Array {
  const pieces = decodeRanges(bytes);
  const encoder = new RangeEncoder();
  let open: Piece | null = null;
  for (let at = 0; at < pieces.length; at += 1) {
    const next = pieceOf(pieces, at);
    if (open === null || open.first + open.pages !== next.first || open.attributes !== next.attributes) {
      if (open !== null) encoder.add(open);
      open = next;
      continue;
    }
    const isOnePiece = [open, next].every(({ layout }) => layout === LAYOUT.inOnePiece);
    if (!isOnePiece || next.physical !== open.physical + open.pages) open.layout = LAYOUT.scattered;
    if (open.shift !== next.shift) open.shift = 0;
    open.pages += next.pages;
    open.leaves += next.leaves;
    open.accessed += next.accessed;
    open.dirty += next.dirty;
    open.classes |= next.classes;
  }
  if (open !== null) encoder.add(open);
  return encoder.encode(pieces.complete);
}
