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

/** Columns of pieces that grow. @internal */
export class PiecesBuilder {
  length = 0;
  #capacity = 1024;
  #numbers = Array.from({ length: 6 }, () => new Float64Array(1024));
  #layout = new Uint8Array(1024);
  #attributes = new Uint16Array(1024);
  #shift = new Uint8Array(1024);
  #classes = new Int32Array(1024);

  add(piece: Piece): void {
    if (this.length === this.#capacity) this.#grow();
    const at = this.length;
    const { first, pages, physical, leaves, accessed, dirty } = piece;
    [first, pages, physical, leaves, accessed, dirty].forEach((value, column) => {
      (this.#numbers[column] as Float64Array)[at] = value;
    });
    this.#layout[at] = piece.layout;
    this.#attributes[at] = piece.attributes;
    this.#shift[at] = piece.shift;
    this.#classes[at] = piece.classes;
    this.length += 1;
  }

  build(detail: Detail, complete: boolean): Pieces {
    const { length } = this;
    // Copies: what the builder has grown to is up to twice as large, and views would keep it.
    const column = (nth: number): Float64Array => (this.#numbers[nth] as Float64Array).slice(0, length);
    return {
      length,
      detail,
      complete,
      first: column(0),
      pages: column(1),
      physical: column(2),
      leaves: column(3),
      accessed: column(4),
      dirty: column(5),
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
    this.#numbers = this.#numbers.map(enlarge);
    this.#layout = enlarge(this.#layout);
    this.#attributes = enlarge(this.#attributes);
    this.#shift = enlarge(this.#shift);
    this.#classes = enlarge(this.#classes);
  }
}
