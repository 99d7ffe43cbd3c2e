import type { Detail, Pieces } from './pieces.ts';

/** One piece, while it grows. @internal */
export interface Piece {
  first: number;
  pages: number;
  physical: number;
  layout: number;
  attributes: number;
  shift: number;
  leaves: number;
  accessed: number;
  dirty: number;
  classes: number;
}

const FIRST_CAPACITY = 1024;

/** Columns of pieces that grow: a million of them are made while a page waits, so each is written as it is. @internal */
export class PiecesBuilder {
  length = 0;
  #capacity = FIRST_CAPACITY;
  #first = new Float64Array(FIRST_CAPACITY);
  #pages = new Float64Array(FIRST_CAPACITY);
  #physical = new Float64Array(FIRST_CAPACITY);
  #leaves = new Float64Array(FIRST_CAPACITY);
  #accessed = new Float64Array(FIRST_CAPACITY);
  #dirty = new Float64Array(FIRST_CAPACITY);
  #layout = new Uint8Array(FIRST_CAPACITY);
  #attributes = new Uint16Array(FIRST_CAPACITY);
  #shift = new Uint8Array(FIRST_CAPACITY);
  #classes = new Int32Array(FIRST_CAPACITY);

  add(piece: Piece): void {
    if (this.length === this.#capacity) this.#grow();
    const at = this.length;
    this.#first[at] = piece.first;
    this.#pages[at] = piece.pages;
    this.#physical[at] = piece.physical;
    this.#leaves[at] = piece.leaves;
    this.#accessed[at] = piece.accessed;
    this.#dirty[at] = piece.dirty;
    this.#layout[at] = piece.layout;
    this.#attributes[at] = piece.attributes;
    this.#shift[at] = piece.shift;
    this.#classes[at] = piece.classes;
    this.length += 1;
  }

  build(detail: Detail, complete: boolean): Pieces {
    const { length } = this;
    // Copies: what the builder has grown to is up to twice as large, and views would keep it.
    return {
      length,
      detail,
      complete,
      first: this.#first.slice(0, length),
      pages: this.#pages.slice(0, length),
      physical: this.#physical.slice(0, length),
      leaves: this.#leaves.slice(0, length),
      accessed: this.#accessed.slice(0, length),
      dirty: this.#dirty.slice(0, length),
      layout: this.#layout.slice(0, length),
      attributes: this.#attributes.slice(0, length),
      shift: this.#shift.slice(0, length),
      classes: this.#classes.slice(0, length),
    };
  }

  #grow(): void {
    this.#capacity *= 2;
    const enlarge = <T extends Float64Array | Uint8Array | Uint16Array | Int32Array>(old: T): T => {
      const grown = new (old.constructor as new (length: number) => T)(this.#capacity);
      grown.set(old);
      return grown;
    };
    this.#first = enlarge(this.#first);
    this.#pages = enlarge(this.#pages);
    this.#physical = enlarge(this.#physical);
    this.#leaves = enlarge(this.#leaves);
    this.#accessed = enlarge(this.#accessed);
    this.#dirty = enlarge(this.#dirty);
    this.#layout = enlarge(this.#layout);
    this.#attributes = enlarge(this.#attributes);
    this.#shift = enlarge(this.#shift);
    this.#classes = enlarge(this.#classes);
  }
}
