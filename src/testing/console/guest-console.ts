import type { Readable } from 'node:stream';
import { type AbandonSignal, timerMs } from '../../../protocols/transport/internal.ts';
import { GuestConsoleError, type GuestConsoleErrorCode, inBrackets, QemuOptionError } from '../errors.ts';
import { LineSplitter } from './line-splitter.ts';

/** A guest may talk for hours; older lines are forgotten. */
const KEPT_LINES = 10_000;
const LINES_IN_ERRORS = 10;
const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_EXPECT_TIMEOUT_MS = 60_000;

interface Waiter {
  /** @returns an error, the line, or undefined where the line is another */
  readonly judge: (line: string, isWhole: boolean) => Error | string | undefined;
  readonly resolve: (line: string) => void;
  readonly reject: (reason: unknown) => void;
}

/** Who watches the guest, and knows more of it than what it says. @internal */
export interface ConsoleOwner {
  /** Why the guest says nothing, where it does not run. */
  readonly whyStill: () => string | undefined;
  /** Is told of each failure, before the test is. */
  readonly explain: (failure: unknown) => Promise<void>;
  /** Hears each line. */
  readonly hear: (line: string) => void;
}

/** Changes what a stream says before it becomes lines. @internal */
export interface StreamFilter {
  /** @returns what there is to show by now */
  readonly push: (piece: string) => string;
  /** @returns what is left, when nothing more comes */
  readonly rest: () => string;
}

/** How a line is waited for. @public */
export interface ExpectOptions {
  /** Ends the wait, as a failure, with the first line that matches: `/Kernel panic|Oops/`. */
  readonly failOn?: RegExp;
  /** Milliseconds; 60000 unless given. */
  readonly timeoutMs?: number;
  /** Only what is said from now on counts. False unless given: a line that is there already is found. */
  readonly fromNow?: boolean;
  /** Ends the wait with its reason. */
  readonly signal?: AbandonSignal;
}

/** What the guest wrote on its debug console and its serial port, line by line. @public */
export class GuestConsole {
  readonly #lines: string[] = [];
  readonly #waiters = new Set<Waiter>();
  readonly #splitters: LineSplitter[] = [];
  #openStreams = 0;
  /** Who watches the guest says why nothing more comes, which is known a little later than that. */
  #owner: ConsoleOwner | undefined;
  /** Why nothing more will come, where that is known better than by the end of the streams. */
  #ending: { readonly reason: unknown } | undefined;

  /** @internal */
  constructor(stream: Readable | undefined) {
    if (stream !== undefined) this.listen(stream);
  }

  /**
   * Takes what a stream says, line by line.
   *
   * @param shownBy - what of it is shown, and how
   * @internal
   */
  listen(stream: Readable, shownBy?: StreamFilter): void {
    this.#openStreams += 1;
    const splitter = new LineSplitter();
    this.#splitters.push(splitter);
    let isOpen = true;
    // The end of a guest that is killed arrives as an error on some systems and as an end on others.
    const close = () => {
      if (!isOpen) return;
      isOpen = false;
      for (const line of splitter.push(shownBy?.rest() ?? '')) this.#add(line);
      for (const line of splitter.partial === '' ? [] : splitter.push('\n')) this.#add(line);
      this.#openStreams -= 1;
      if (this.#openStreams === 0 && this.#owner === undefined) this.#settleAll(this.#closedError());
    };
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => {
      for (const line of splitter.push(shownBy?.push(text) ?? text)) this.#add(line);
      if (this.#waiters.size > 0 && splitter.partial !== '') this.#judge(splitter.partial, false);
    });
    stream.once('error', close);
    stream.once('end', close);
  }

  /** The lines so far, oldest first; at most the last 10,000. A copy. */
  get lines(): readonly string[] {
    return [...this.#lines];
  }

  /** What the last lines are, and what there is of those that have not ended. @internal */
  get tail(): readonly string[] {
    const partials = this.#splitters.map(({ partial }) => partial).filter((partial) => partial !== '');
    return [...this.#lines, ...partials].slice(-LINES_IN_ERRORS);
  }

  /**
   * Waits until the guest says what matches, in a line or at the beginning of one that has not ended, such as a prompt.
   *
   * @example
   * ```ts
   * const [, version] = await guest.console.expect(/Linux version (\S+)/, { failOn: /Kernel panic/ });
   * ```
   * @returns the match: groups, and the line as its `input`
   * @throws GuestConsoleError (`ERR_TESTING_CONSOLE_TIMEOUT`, `ERR_TESTING_CONSOLE_FAILED`, `ERR_TESTING_CONSOLE_CLOSED`): it names
   * the pattern and shows the last lines; GuestDiedError of a guest that has ended.
   */
  async expect(pattern: RegExp, options: ExpectOptions = {}): Promise<RegExpExecArray> {
    const { failOn, timeoutMs = DEFAULT_EXPECT_TIMEOUT_MS, fromNow = false, signal } = options;
    const wanted = fromItsStart(pattern);
    const unwanted = failOn && fromItsStart(failOn);
    const judge = (line: string, isWhole: boolean): Error | string | undefined => {
      if (wanted.test(line)) return line;
      if (!isWhole || unwanted?.test(line) !== true) return undefined;
      const said = `the guest said what ${unwanted} matches while ${wanted} was awaited: ${JSON.stringify(line)}`;
      return this.#error('ERR_TESTING_CONSOLE_FAILED', said);
    };
    const late = `the guest did not say what ${wanted} matches in ${timeoutMs} ms`;
    try {
      const known = fromNow ? undefined : this.#find(judge);
      if (known instanceof Error) throw known;
      const line = known ?? (await this.#wait(judge, timeoutMs, late, signal));
      return wanted.exec(line) as RegExpExecArray;
    } catch (error) {
      await this.#owner?.explain(error);
      throw error;
    }
  }

  /**
   * The first line, among those already there and those to come, that satisfies the predicate.
   *
   * @throws GuestConsoleError (`ERR_TESTING_CONSOLE_TIMEOUT`, `ERR_TESTING_CONSOLE_CLOSED`); the signal's reason.
   */
  async waitForLine(
    predicate: (line: string) => boolean,
    timeoutMs = DEFAULT_TIMEOUT_MS,
    signal?: AbandonSignal,
  ): Promise<string> {
    return this.#lines.find(predicate) ?? this.waitForNextLine(predicate, timeoutMs, signal);
  }

  /**
   * The first line from now on that satisfies the predicate: what the guest says of a change just made.
   *
   * @throws GuestConsoleError (`ERR_TESTING_CONSOLE_TIMEOUT`, `ERR_TESTING_CONSOLE_CLOSED`); the signal's reason.
   */
  waitForNextLine(
    predicate: (line: string) => boolean,
    timeoutMs = DEFAULT_TIMEOUT_MS,
    signal?: AbandonSignal,
  ): Promise<string> {
    const judge = (line: string, isWhole: boolean) => (isWhole && predicate(line) ? line : undefined);
    return this.#wait(judge, timeoutMs, `the guest did not say the awaited line in ${timeoutMs} ms`, signal);
  }

  /** The end of the guest will be told by {@link GuestConsole.end}. @internal */
  belongTo(owner: ConsoleOwner): void {
    this.#owner = owner;
  }

  /** The guest has come to an end, and this is why: who waits hears of it, and who asks later. @internal */
  end(reason: unknown): void {
    this.#ending ??= { reason };
    this.#settleAll(this.#ending.reason);
  }

  /** Forgets what was said, as the guest is back where it had not said it. @internal */
  forget(): void {
    this.#lines.length = 0;
    for (const splitter of this.#splitters) splitter.forget();
  }

  #find(judge: Waiter['judge']): Error | string | undefined {
    for (const line of this.#lines) {
      const outcome = judge(line, true);
      if (outcome !== undefined) return outcome;
    }
    const partial = this.#splitters.find((splitter) => judge(splitter.partial, false) !== undefined);
    return partial?.partial;
  }

  #wait(judge: Waiter['judge'], timeoutMs: number, late: string, signal?: AbandonSignal): Promise<string> {
    if (this.#ending !== undefined) return Promise.reject(this.#ending.reason);
    if (this.#openStreams === 0 && this.#owner === undefined) return Promise.reject(this.#closedError());
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const expire = () => {
        const problem = late + inBrackets(this.#owner?.whyStill());
        waiter.reject(this.#error('ERR_TESTING_CONSOLE_TIMEOUT', problem));
      };
      const timer = setTimeout(expire, timerMs(timeoutMs));
      const abandon = () => waiter.reject(signal?.reason);
      const leave = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abandon);
        this.#waiters.delete(waiter);
      };
      const waiter: Waiter = {
        judge,
        resolve: (line) => {
          leave();
          resolve(line);
        },
        reject: (reason) => {
          leave();
          reject(reason);
        },
      };
      signal?.addEventListener('abort', abandon);
      this.#waiters.add(waiter);
    });
  }

  #add(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > KEPT_LINES) this.#lines.shift();
    this.#judge(line, true);
    this.#owner?.hear(line);
  }

  #judge(line: string, isWhole: boolean): void {
    for (const waiter of [...this.#waiters]) {
      const outcome = waiter.judge(line, isWhole);
      if (typeof outcome === 'string') waiter.resolve(outcome);
      else if (outcome !== undefined) waiter.reject(outcome);
    }
  }

  #settleAll(reason: unknown): void {
    for (const waiter of [...this.#waiters]) waiter.reject(reason);
  }

  #closedError(): GuestConsoleError {
    return this.#error(
      'ERR_TESTING_CONSOLE_CLOSED',
      'the guest is gone, or was started without a debug console and a serial port',
    );
  }

  #error(code: GuestConsoleErrorCode, problem: string): GuestConsoleError {
    return new GuestConsoleError(code, problem, this.tail);
  }
}

/**
 * A pattern with `g` or `y` would go on where it has matched before.
 *
 * @throws QemuOptionError `ERR_TESTING_OPTION` for what is none, as plain JavaScript may give.
 */
function fromItsStart(pattern: RegExp): RegExp {
  // Not by its class: jest gives tests one of their own.
  if (Object.prototype.toString.call(pattern) !== '[object RegExp]') {
    const given = JSON.stringify(pattern) ?? 'undefined';
    throw new QemuOptionError(`a line is waited for by a regular expression, as in /ready/, and not by ${given}`);
  }
  return new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''));
}
