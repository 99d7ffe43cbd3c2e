/** What the framer found: one complete JSON object as text, or why the stream cannot be QMP. @internal */
export type Frame =
  | { readonly kind: 'message'; readonly text: string }
  | { readonly kind: 'garbage'; readonly text: string; readonly problem: string };

/**
 * Longer than any reply known (`info mtree -f` of a machine with hundreds of vCPUs has a few megabytes), short enough to
 * hold. Characters.
 *
 * @internal
 */
export const MAX_MESSAGE_CHARS = 16 * 1024 * 1024;

/**
 * Finds JSON objects in lines. Braces are counted and not lines, as a monitor with `pretty=on` spreads an object over many;
 * the lines of one are joined without their indentation, which is safe because no JSON string spans lines.
 *
 * @internal
 */
export class MessageFramer {
  readonly #maxChars: number;
  #collected = '';
  #depth = 0;

  constructor(maxChars: number = MAX_MESSAGE_CHARS) {
    this.#maxChars = maxChars;
  }

  /** Takes one line, with or without its line end, and returns what it completed. */
  push(line: string): Frame[] {
    const frames: Frame[] = [];
    let rest = line.trim();
    while (rest !== '') {
      if (this.#depth === 0 && !rest.startsWith('{')) return [...frames, garbage(rest, 'no JSON object starts here')];
      const end = this.#scan(rest);
      if (this.#collected.length + end > this.#maxChars) {
        return [...frames, garbage(this.#collected + rest, `a message of more than ${this.#maxChars} characters`)];
      }
      if (end < 0) return [...frames, garbage(this.#collected + rest, 'a string that does not end on its line')];
      this.#collected += rest.slice(0, end);
      rest = rest.slice(end).trimStart();
      if (this.#depth === 0) frames.push(this.#take());
    }
    return frames;
  }

  #take(): Frame {
    const text = this.#collected;
    this.#collected = '';
    return { kind: 'message', text };
  }

  /** Follows braces from the current depth; returns the length up to the end of the object or the line, -1 inside a string. */
  #scan(text: string): number {
    let inString = false;
    for (let at = 0; at < text.length; at++) {
      const character = text.charCodeAt(at);
      if (inString) {
        if (character === BACKSLASH) at++;
        else if (character === QUOTE) inString = false;
      } else if (character === QUOTE) inString = true;
      else if (character === OPEN) this.#depth++;
      else if (character === CLOSE && --this.#depth === 0) return at + 1;
    }
    return inString ? -1 : text.length;
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;

function garbage(text: string, problem: string): Frame {
  return { kind: 'garbage', text, problem };
}
