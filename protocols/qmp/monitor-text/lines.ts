import { MonitorTextError } from '../errors.ts';
import { normalizeLineEnds } from './hmp-output.ts';

/** One line of a monitor text, knowing where it stands. @internal */
export class TextLine {
  readonly text: string;
  readonly number: number;
  readonly #commandLine: string;

  constructor(commandLine: string, text: string, number: number) {
    this.#commandLine = commandLine;
    this.text = text;
    this.number = number;
  }

  /** The error that names this line. */
  error(problem: string): MonitorTextError {
    return new MonitorTextError(this.#commandLine, problem, { lineNumber: this.number, line: this.text });
  }
}

/** Cuts a monitor text, with either kind of line end, into lines; the empty ones are kept. @internal */
export function splitLines(commandLine: string, text: string): TextLine[] {
  return normalizeLineEnds(text)
    .split('\n')
    .map((line, index) => new TextLine(commandLine, line, index + 1));
}
