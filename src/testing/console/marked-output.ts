/** How a command ended, and what it printed before. @internal */
export interface EndedOutput {
  readonly output: string;
  readonly status: number;
}

/** ` 255` and a line end. */
const STATUS_CHARS = 8;
const STATUS = /^ (\d{1,3})[\r\n]/;
/** So many pieces become one: a serial port may give a character at a time. */
const MOST_PIECES = 4096;

/**
 * What stands between two marks in a stream of text: the output of a command. What comes before the first mark is not kept, and
 * every character is looked at a few times at most, however small the pieces are.
 *
 * @internal
 */
export class MarkedOutput {
  readonly #begin: string;
  readonly #end: string;
  #hasBegun = false;
  /** The end of what has come: the beginning of a mark may be in it. */
  #rest = '';
  #pieces: string[] = [];
  readonly #blocks: string[] = [];
  #chars = 0;

  constructor(begin: string, end: string) {
    this.#begin = begin;
    this.#end = end;
  }

  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** How much output there is. */
  get chars(): number {
    return this.#chars;
  }

  /** @returns the output, once the mark of its end has come, with the status behind it */
  push(piece: string): EndedOutput | undefined {
    this.#rest += piece;
    if (!this.#hasBegun) {
      const at = this.#rest.indexOf(this.#begin);
      if (at < 0) {
        this.#rest = this.#rest.slice(1 - this.#begin.length);
        return undefined;
      }
      this.#hasBegun = true;
      this.#rest = this.#rest.slice(at + this.#begin.length);
    }
    const text = this.#rest;
    for (let at = text.indexOf(this.#end); at >= 0; at = text.indexOf(this.#end, at + 1)) {
      const behind = at + this.#end.length;
      const status = STATUS.exec(text.slice(behind, behind + STATUS_CHARS));
      if (status === null) continue;
      this.#keep(text.slice(0, at));
      return { output: [...this.#blocks, ...this.#pieces].join(''), status: Number(status[1]) };
    }
    const kept = Math.max(0, text.length - (this.#end.length + STATUS_CHARS));
    this.#keep(text.slice(0, kept));
    this.#rest = text.slice(kept);
    return undefined;
  }

  #keep(text: string): void {
    if (text === '') return;
    this.#chars += text.length;
    this.#pieces.push(text);
    if (this.#pieces.length < MOST_PIECES) return;
    this.#blocks.push(this.#pieces.join(''));
    this.#pieces = [];
  }
}
