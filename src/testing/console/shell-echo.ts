/** A command that a shell is given, and what is typed for it. @internal */
export interface TypedCommand {
  readonly number: number;
  readonly command: string;
  /** With its line end. */
  readonly line: string;
}

/** Where a piece of text ends that is shown otherwise; or that more has to come to tell. */
type Found = { readonly end: number; readonly shown: string } | 'incomplete' | undefined;

/** ECMA-48, 5.4, and the beginning of one. A shell says with one how it takes what is pasted, and asks where the cursor is. */
const ESCAPE = String.fromCharCode(0x1b);
const CONTROL = new RegExp(`^${ESCAPE}\\[[0-9;?]{0,16}[@-~]`);
const CONTROL_BEGINS = new RegExp(`^${ESCAPE}(?:\\[[0-9;?]{0,16})?$`);
const CONTROL_CHARS = 20;
/** Behind the tag: the mark of a beginning, or of an end with the status. */
const MARK = /^(?:b(\d{1,9})|e(\d{1,9}) \d{1,3})\r{0,2}\n/;
const MARK_BEGINS = /^(?:[be](?:\d{1,9}(?: \d{0,3})?)?\r{0,2})?$/;
const MARK_CHARS = 20;
/** What a shell says where a command goes on in another line. */
const GOES_ON = '> ';
/** A longer one is shown as it comes. */
const LONGEST_ECHO = 16_384;

/**
 * What a guest says on its serial port, for people: a command that is typed into its shell is shown as its author wrote it, without
 * what is typed around it and the marks around its output.
 *
 * The echo of what was typed may come twice, of the terminal and of the shell; a shell that edits lines breaks it at the edge of its
 * screen. What differs from the echo is none, and is shown with all that was held back: nothing that a kernel says is kept.
 *
 * @internal
 */
export class ShellEcho {
  readonly #tag: string;
  /** Those whose output has not begun. */
  #awaited: readonly TypedCommand[] = [];
  /** How many have not ended. */
  #running = 0;
  /** What may become an echo or a mark. */
  #held = '';
  #isBehindEcho = false;
  #endsLine = true;

  /** @param tag - what marks begin with, and nothing else that the guest says */
  constructor(tag: string) {
    this.#tag = tag;
  }

  /** This is typed now. */
  type(typed: TypedCommand): void {
    this.#awaited = [...this.#awaited, typed];
    this.#running += 1;
  }

  /** The guest is back in another moment, in which nothing was typed. */
  forget(): void {
    this.#awaited = [];
    this.#running = 0;
    this.#held = '';
  }

  /** @returns what there is to show of this piece, and of what was held back */
  push(piece: string): string {
    if (this.#running === 0 && this.#held === '') return piece;
    const text = this.#held + piece;
    this.#held = '';
    const shown: string[] = [];
    let from = 0;
    for (let at = 0; at < text.length; ) {
      const found = this.#find(text, at);
      if (found === undefined) {
        at += 1;
        continue;
      }
      this.#show(shown, text.slice(from, at));
      if (found === 'incomplete') {
        this.#held = text.slice(at);
        return shown.join('');
      }
      this.#show(shown, found.shown === '\n' && this.#endsLine ? '' : found.shown);
      at = found.end;
      from = at;
    }
    this.#show(shown, text.slice(from));
    return shown.join('');
  }

  /** @returns what was held back, when nothing more comes */
  rest(): string {
    const rest = this.#held;
    this.#held = '';
    return rest;
  }

  #show(shown: string[], text: string): void {
    if (text === '') return;
    shown.push(text);
    this.#endsLine = text.endsWith('\n');
  }

  #find(text: string, at: number): Found {
    const first = text[at];
    if (this.#isBehindEcho) {
      const control = findControl(text, at);
      if (control !== undefined) return control;
      this.#isBehindEcho = false;
    }
    if (first === this.#tag[0]) {
      const mark = this.#findMark(text, at);
      if (mark !== undefined) return mark;
    }
    return this.#findEcho(text, at);
  }

  #findMark(text: string, at: number): Found {
    const rest = text.slice(at, at + this.#tag.length + MARK_CHARS);
    if (!rest.startsWith(this.#tag)) return this.#tag.startsWith(rest) ? 'incomplete' : undefined;
    const behind = rest.slice(this.#tag.length);
    const mark = MARK.exec(behind);
    if (mark === null) return MARK_BEGINS.test(behind) && at + rest.length === text.length ? 'incomplete' : undefined;
    const [{ length }, begun, ended] = mark;
    const number = Number(begun ?? ended);
    const typed = this.#awaited.find((each) => each.number === number);
    this.#awaited = this.#awaited.filter((each) => each !== typed);
    if (ended !== undefined) this.#running = Math.max(0, this.#running - 1);
    const shown = begun === undefined ? '\n' : typed === undefined ? '' : `${typed.command}\n`;
    return { end: at + this.#tag.length + length, shown };
  }

  #findEcho(text: string, at: number): Found {
    let found: Found;
    for (const { line } of this.#awaited) {
      const end = endOfEcho(text, at, line);
      if (typeof end === 'number') {
        this.#isBehindEcho = true;
        return { end, shown: '' };
      }
      found = end ?? found;
    }
    return found;
  }
}

/** What moves the cursor, or tells a terminal how to behave. */
function findControl(text: string, at: number): Found {
  if (text[at] === '\r') return { end: at + 1, shown: '' };
  if (text[at] !== ESCAPE) return undefined;
  const rest = text.slice(at, at + CONTROL_CHARS);
  const control = CONTROL.exec(rest);
  if (control !== null) return { end: at + control[0].length, shown: '' };
  return CONTROL_BEGINS.test(rest) ? 'incomplete' : undefined;
}

/** Where the echo of a line ends that begins here. */
function endOfEcho(text: string, from: number, line: string): number | 'incomplete' | undefined {
  if (text[from] !== line[0]) return undefined;
  let done = 0;
  let at = from;
  while (at < text.length && at - from < LONGEST_ECHO) {
    if (text[at] === line[done]) {
      done += 1;
      at += 1;
      if (done === line.length) return at;
      continue;
    }
    const skipped = skipOfEcho(text, at, line[done - 1] === '\n');
    if (typeof skipped !== 'number') return skipped;
    // Behind the last character of a screen's line the next one is written, and written again.
    if (text[at] === '\b') done = Math.max(1, done - 1);
    at = skipped;
  }
  return at < text.length ? undefined : 'incomplete';
}

/** Behind what an editor of lines writes besides what it was given. */
function skipOfEcho(text: string, at: number, startsLine: boolean): number | 'incomplete' | undefined {
  if (text[at] === '\n' || text[at] === '\b') return at + 1;
  const control = findControl(text, at);
  if (control !== undefined) return control === 'incomplete' ? control : control.end;
  if (startsLine && text.startsWith(GOES_ON, at)) return at + GOES_ON.length;
  const rest = text.slice(at, at + 2);
  // The same for bash, which moves on to the next line by a space.
  if (rest === ' \r') return at + 2;
  return rest === ' ' || (startsLine && rest === '>') ? 'incomplete' : undefined;
}
