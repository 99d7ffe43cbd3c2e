import { MonitorTextError } from '../errors.ts';

/** The longest texts are of machines with thousands of vCPUs: fifty lines of `info registers -a` for each. */
const MAX_LINES = 524_288;
/** Names of memory regions and paths of objects are long, but not so long. */
const MAX_LINE_CHARS = 4096;

const CARRIAGE_RETURN = 0x0d;

/**
 * A monitor text line by line, with either kind of line end; the empty lines too. Only one line is held: the reader may
 * have seen enough.
 *
 * @internal
 */
export class TextLines {
  /** The line, without its end. */
  text = '';
  /** Of that line, from 1 on. */
  number = 0;
  readonly #commandLine: string;
  readonly #whole: string;
  #next = 0;

  constructor(commandLine: string, whole: string) {
    this.#commandLine = commandLine;
    this.#whole = whole;
  }

  /**
   * Goes to the next line. Gives false when there is none.
   *
   * @throws MonitorTextError (`ERR_QMP_MONITOR_TEXT`) for more or longer lines than any QEMU prints.
   */
  next(): boolean {
    const start = this.#next;
    if (start > this.#whole.length) return false;
    const lineEnd = this.#whole.indexOf('\n', start);
    const stop = lineEnd < 0 ? this.#whole.length : lineEnd;
    const hasReturn = lineEnd > start && this.#whole.charCodeAt(stop - 1) === CARRIAGE_RETURN;
    const end = hasReturn ? stop - 1 : stop;
    this.number += 1;
    this.text = this.#whole.slice(start, Math.min(end, start + MAX_LINE_CHARS));
    if (end - start > MAX_LINE_CHARS) throw this.error(`a line has more than ${MAX_LINE_CHARS} characters`);
    if (this.number > MAX_LINES) throw this.error(`it has more than ${MAX_LINES} lines`);
    this.#next = stop + 1;
    return true;
  }

  /** The error that names this line. */
  error(problem: string): MonitorTextError {
    return new MonitorTextError(this.#commandLine, problem, { lineNumber: this.number, line: this.text });
  }
}
