/** What the framer found: one complete JSON object as text, or why the stream cannot be QMP. @internal */
export type Frame =
  | { readonly kind: 'message'; readonly text: string }
  | {
      readonly kind: 'garbage';
      readonly text: string;
      /** What should have come, in words. */
      readonly expected: string;
    };

/**
 * Longer than any reply known (`info mtree -f` of a machine with hundreds of vCPUs has a few megabytes), short enough to
 * hold. Characters; of a line, bytes.
 *
 * @internal
 */
export const MAX_MESSAGE_CHARS = 16 * 1024 * 1024;

/**
 * How deep a message is nested: no reply to what is asked here has more than five levels. What reads JSON, and what checks its
 * shape, may be recursive.
 */
const MAX_DEPTH = 128;
/** Members and elements of a message: `query-cpus-fast` has a dozen for each of at most some thousand vCPUs. */
const MAX_ELEMENTS = 262_144;
/** QEMU ends a line behind each. */
const MAX_MESSAGES_PER_LINE = 1024;

/**
 * Finds JSON objects in lines. Braces are counted and not lines, as a monitor with `pretty=on` spreads an object over many;
 * the lines of one are joined without their indentation, which is safe because no JSON string spans lines.
 *
 * @internal
 */
export class MessageFramer {
  readonly #maxChars: number;
  #collected: string[] = [];
  #collectedChars = 0;
  #depth = 0;
  #elements = 0;

  constructor(maxChars: number = MAX_MESSAGE_CHARS) {
    this.#maxChars = maxChars;
  }

  /** Takes one line, with or without its line end, and gives what it completes; nothing comes after garbage. */
  *push(line: string): Generator<Frame, void, void> {
    let rest = line.trim();
    for (let count = 0; rest !== ''; count++) {
      if (count === MAX_MESSAGES_PER_LINE)
        return yield garbage(rest, `at most ${MAX_MESSAGES_PER_LINE} messages in a line`);
      if (this.#depth === 0 && !rest.startsWith('{')) return yield garbage(rest, 'a JSON object');
      const end = this.#scan(rest);
      if (typeof end !== 'number') return yield garbage(this.#textWith(rest), end.expected);
      if (this.#collectedChars + end > this.#maxChars) {
        return yield garbage(this.#textWith(rest), `a JSON object of at most ${this.#maxChars} characters`);
      }
      this.#collected.push(rest.slice(0, end));
      this.#collectedChars += end;
      rest = rest.slice(end).trimStart();
      if (this.#depth === 0) yield this.#take();
    }
  }

  /** What was collected and what could not be added to it, from its beginning. */
  #textWith(rest: string): string {
    return [...this.#collected.slice(0, 16), rest].join('');
  }

  #take(): Frame {
    const text = this.#collected.join('');
    this.#collected = [];
    this.#collectedChars = 0;
    this.#elements = 0;
    return { kind: 'message', text };
  }

  /** Follows brackets from the current depth; gives the length up to the end of the object or the line. */
  #scan(text: string): number | { readonly expected: string } {
    let inString = false;
    let depth = this.#depth;
    let elements = this.#elements;
    for (let at = 0; at < text.length; at++) {
      const character = text.charCodeAt(at);
      if (inString) {
        if (character === BACKSLASH) at++;
        else if (character === QUOTE) inString = false;
      } else if (character === QUOTE) inString = true;
      else if (character === COMMA) elements++;
      else if (character === OPEN || character === OPEN_ARRAY) {
        elements++;
        if (++depth > MAX_DEPTH) return { expected: `a JSON object at most ${MAX_DEPTH} deep` };
      } else if ((character === CLOSE || character === CLOSE_ARRAY) && --depth === 0) {
        this.#depth = 0;
        return elements > MAX_ELEMENTS ? TOO_MANY : at + 1;
      }
    }
    this.#depth = depth;
    this.#elements = elements;
    if (elements > MAX_ELEMENTS) return TOO_MANY;
    return inString ? { expected: 'a JSON object whose strings end on their lines' } : text.length;
  }
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN = 0x7b;
const CLOSE = 0x7d;

const TOO_MANY = { expected: `a JSON object of at most ${MAX_ELEMENTS} members` };

function garbage(text: string, expected: string): Frame {
  return { kind: 'garbage', text, expected };
}
