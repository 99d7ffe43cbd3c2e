import type { Readable } from 'node:stream';
import split2 from 'split2';
import { GuestConsoleError, type GuestConsoleErrorCode } from './errors.ts';

/** A guest may talk for hours; older lines are forgotten. */
const KEPT_LINES = 10_000;
const LINES_IN_ERRORS = 10;
const DEFAULT_TIMEOUT_MS = 10_000;

interface Waiter {
  readonly matches: (line: string) => boolean;
  readonly settle: (outcome: string | GuestConsoleError) => void;
}

/** What the guest wrote on its debug console, line by line. @public */
export class GuestConsole {
  readonly #lines: string[] = [];
  readonly #waiters = new Set<Waiter>();
  #isClosed = false;

  /** @internal */
  constructor(stream: Readable | undefined) {
    if (stream === undefined) {
      this.#isClosed = true;
      return;
    }
    // The end of a guest that is killed arrives as an error on some systems and as an end on others.
    const close = () => this.#close();
    stream.once('error', close);
    stream
      .pipe(split2())
      .on('data', (line: string) => this.#add(line))
      .once('end', close);
  }

  /** The lines so far, oldest first; at most the last 10,000. A copy. */
  get lines(): readonly string[] {
    return [...this.#lines];
  }

  /**
   * The first line, among those already there and those to come, that satisfies the predicate.
   *
   * @throws GuestConsoleError (`ERR_TESTING_CONSOLE_TIMEOUT`, `ERR_TESTING_CONSOLE_CLOSED`).
   */
  async waitForLine(predicate: (line: string) => boolean, timeoutMs = DEFAULT_TIMEOUT_MS): Promise<string> {
    return this.#lines.find(predicate) ?? this.waitForNextLine(predicate, timeoutMs);
  }

  /**
   * The first line from now on that satisfies the predicate: what the guest says of a change just made.
   *
   * @throws GuestConsoleError (`ERR_TESTING_CONSOLE_TIMEOUT`, `ERR_TESTING_CONSOLE_CLOSED`).
   */
  waitForNextLine(predicate: (line: string) => boolean, timeoutMs = DEFAULT_TIMEOUT_MS): Promise<string> {
    if (this.#isClosed) return Promise.reject(this.#closedError());
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiter.settle(
          this.#error('ERR_TESTING_CONSOLE_TIMEOUT', `the guest did not say the awaited line in ${timeoutMs} ms`),
        );
      }, timeoutMs);
      const waiter: Waiter = {
        matches: predicate,
        settle: (outcome) => {
          clearTimeout(timer);
          this.#waiters.delete(waiter);
          if (typeof outcome === 'string') resolve(outcome);
          else reject(outcome);
        },
      };
      this.#waiters.add(waiter);
    });
  }

  #add(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > KEPT_LINES) this.#lines.shift();
    for (const waiter of [...this.#waiters]) {
      if (waiter.matches(line)) waiter.settle(line);
    }
  }

  #close(): void {
    this.#isClosed = true;
    for (const waiter of [...this.#waiters]) waiter.settle(this.#closedError());
  }

  #closedError(): GuestConsoleError {
    return this.#error('ERR_TESTING_CONSOLE_CLOSED', 'the guest is gone, or was started without a debug console');
  }

  #error(code: GuestConsoleErrorCode, problem: string): GuestConsoleError {
    return new GuestConsoleError(code, problem, this.#lines.slice(-LINES_IN_ERRORS));
  }
}
