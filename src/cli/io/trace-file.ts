import { closeSync, openSync, writeSync } from 'node:fs';
import { escapeUnprintable, type TraceRecord, type TraceSink } from '../../../protocols/transport/internal.ts';
import { TraceFileError } from '../errors.ts';

/** What travels holds guest memory: for the user's eyes only. */
const FILE_MODE = 0o600;

/**
 * A trace of the wire for people:
 *
 * ```
 *      12.345  gdb  7 ->  $m110800,8#8a
 *      12.391  gdb  7 ->  $m116008,8#95
 *      12.982  gdb  7 <-  $2740110000000000#9f
 * ```
 *
 * Milliseconds since the file was opened, the protocol, the number of the flight in that protocol (all that is sent before
 * an answer to it comes is one flight: a round trip that was waited for), the direction, the text. Written at once, so that
 * it is there whatever ends the program.
 *
 * @internal
 */
export class TraceFile {
  readonly #file: string;
  readonly #descriptor: number;
  readonly #startMs = performance.now();
  readonly #flights = { gdb: 0, qmp: 0 };
  readonly #lastDirections: { gdb?: TraceRecord['direction']; qmp?: TraceRecord['direction'] } = {};
  #failure: unknown;

  /** @throws {@link TraceFileError} `ERR_CLI_TRACE_FILE`. */
  constructor(file: string) {
    this.#file = file;
    try {
      this.#descriptor = openSync(file, 'w', FILE_MODE);
    } catch (error) {
      throw new TraceFileError(file, error);
    }
  }

  /** Takes a record. A disk that is full ends the trace, and nothing else. */
  readonly sink: TraceSink = (record) => {
    if (this.#failure !== undefined) return;
    try {
      writeSync(this.#descriptor, this.#line(record));
    } catch (error) {
      this.#failure = error;
    }
  };

  /** @returns what is to be said about a trace that is not whole, or undefined */
  close(): string | undefined {
    closeSync(this.#descriptor);
    return this.#failure === undefined ? undefined : new TraceFileError(this.#file, this.#failure).message;
  }

  #line({ channel, direction, text }: TraceRecord): string {
    if (direction === '->' && this.#lastDirections[channel] !== '->') this.#flights[channel] += 1;
    this.#lastDirections[channel] = direction;
    // A record is one line, and a trace is read in a terminal: replies may hold line ends and anything else.
    const elapsedMs = (performance.now() - this.#startMs).toFixed(3).padStart(10);
    return `${elapsedMs}  ${channel} ${String(this.#flights[channel]).padStart(2)} ${direction}  ${escapeUnprintable(text)}\n`;
  }
}
