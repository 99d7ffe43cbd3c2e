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
  let attributes = 0;
  for (let at = 0; at < count; at += 1) {
    const first = next + reader.number();
    const pages = reader.number();
    const form = reader.number();
    attributes ^= reader.number();
    const physical = nextPhysical + reader.signed();
    builder.add({
      first,
      pages,
      physical,
      layout: form % 4,
      shift: Math.floor(form / 4),
      attributes,
      leaves: reader.number(),
      accessed: reader.number(),
      dirty: reader.number(),
      classes: reader.number(),
    });
    next = first + pages;
    nextPhysical = physical + pages;
  }
  return builder.build('ranges', complete);
}
