/** A line that never ends is cut here. Characters. */
const LONGEST_LINE = 65_536;
/**
 * What tells a terminal where to write or in which colour (ECMA-48, 5.4): a shell asks with one behind its prompt where the cursor is.
 */
const CONTROL_SEQUENCE = new RegExp(`${String.fromCharCode(0x1b)}\\[[0-9;?]*[@-~]`, 'g');

/**
 * Lines out of pieces of text, and what there is of the line that has not ended yet: a prompt never does, which is why no library
 * for whole lines serves.
 *
 * @internal
 */
export class LineSplitter {
  #parts: string[] = [];
  #chars = 0;

  /** The beginning of the next line. */
  get partial(): string {
    if (this.#parts.length > 1) this.#parts = [this.#parts.join('')];
    return withoutControls(this.#parts[0] ?? '');
  }

  /** @returns the lines that end in this piece, without their ends */
  push(text: string): string[] {
    const pieces = text.split('\n');
    const last = pieces.pop() ?? '';
    const lines = pieces.map((piece) => this.#end(piece));
    this.#parts.push(last);
    this.#chars += last.length;
    if (this.#chars > LONGEST_LINE) lines.push(this.#end(''));
    return lines;
  }

  /** Drops the line that has not ended. */
  forget(): void {
    this.#parts = [];
    this.#chars = 0;
  }

  #end(piece: string): string {
    const line = withoutControls(this.#parts.join('') + piece);
    this.forget();
    // A terminal makes `\r\n` of a line end, and a program that writes one itself `\r\r\n`.
    let end = line.length;
    while (line[end - 1] === '\r') end -= 1;
    return line.slice(0, end);
  }
}

function withoutControls(text: string): string {
  return text.replace(CONTROL_SEQUENCE, '');
}
