import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { type AbandonSignal, escapeLines, timerMs } from '../../../protocols/transport/internal.ts';
import { GuestShellError, inBrackets, QemuOptionError } from '../errors.ts';
import { type EndedOutput, MarkedOutput } from './marked-output.ts';
import { ShellEcho } from './shell-echo.ts';

const DEFAULT_TIMEOUT_MS = 60_000;
/** The longest line that Linux's terminal takes (N_TTY_BUF_SIZE), less what is put around a command. */
const LONGEST_LINE = 3800;
/** What a command may print; the guest is not trusted to end. Characters. */
const MOST_OUTPUT = 16 * 1024 * 1024;

/** How a command is run in the guest. @public */
export interface ShellOptions {
  /** Milliseconds; 60000 unless given. */
  readonly timeoutMs?: number;
  /** Ends the wait with its reason. */
  readonly signal?: AbandonSignal;
}

/** What a command in the guest printed, and how it ended. @public */
export interface ShellResult {
  /** Standard output and standard error, line ends as `\n`. What the kernel says on the same port stands between. */
  readonly output: string;
  /** The exit status. */
  readonly status: number;
}

interface Reader {
  readonly push: (text: string) => void;
  readonly fail: (reason: unknown) => void;
}

/**
 * Commands for the shell that a guest has on its serial port. Each is evaluated in a subshell, with nothing to read; marks that no
 * echo of the command has say where its output begins and ends.
 *
 * @internal
 */
export class SerialShell {
  /** Shows what the guest says without what is typed around a command. */
  readonly echo: ShellEcho;
  readonly #port: Duplex;
  readonly #tail: () => readonly string[];
  readonly #whyStill: () => string | undefined;
  readonly #readers = new Set<Reader>();
  readonly #tag = `pagewalk-${randomBytes(6).toString('base64url').replaceAll(/[-_]/g, 'x')}`;
  #count = 0;
  #last: Promise<unknown> = Promise.resolve();
  #ending: { readonly reason: unknown } | undefined;

  /**
   * @param tail - the last lines of the console, for errors
   * @param whyStill - why the guest does nothing, where that is known
   */
  constructor(port: Duplex, tail: () => readonly string[], whyStill: () => string | undefined = () => undefined) {
    this.#port = port;
    this.echo = new ShellEcho(this.#tag);
    this.#tail = tail;
    this.#whyStill = whyStill;
    port.on('data', (text: string) => {
      for (const reader of [...this.#readers]) reader.push(text);
    });
    // The end of the port is told by who watches the guest.
    port.on('error', () => {});
  }

  /**
   * Runs a command, after those before it.
   *
   * @throws GuestShellError (`ERR_TESTING_SHELL`); GuestDiedError.
   */
  run(command: string, options: ShellOptions = {}): Promise<ShellResult> {
    const mine = this.#last.then(() => this.#runNow(command, options));
    this.#last = mine.catch(() => {});
    return mine;
  }

  /** The guest has come to an end: what waits fails with this. */
  end(reason: unknown): void {
    this.#ending ??= { reason };
    for (const reader of [...this.#readers]) reader.fail(reason);
  }

  /** The guest is back in another moment: what was under way there is none of this one. */
  forget(): void {
    this.#last = Promise.resolve();
    this.echo.forget();
    for (const reader of [...this.#readers]) {
      reader.fail(this.#error('the guest was put back to a checkpoint while a command was under way'));
    }
  }

  #runNow(command: string, { timeoutMs = DEFAULT_TIMEOUT_MS, signal }: ShellOptions): Promise<ShellResult> {
    if (this.#ending !== undefined) return Promise.reject(this.#ending.reason);
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    this.#count += 1;
    const number = this.#count;
    const line = this.#lineFor(command, number);
    const printed = new MarkedOutput(`${this.#tag}b${number}`, `${this.#tag}e${number}`);
    const quoted = JSON.stringify(command);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const still = this.#whyStill();
        const where =
          printed.hasBegun || still !== undefined
            ? `the command ${quoted} did not end in ${timeoutMs} ms${inBrackets(still)}`
            : `no shell took the command ${quoted} in ${timeoutMs} ms. Is one running on the guest's ttyS0?`;
        reader.fail(this.#error(where));
      }, timerMs(timeoutMs));
      const abandon = () => reader.fail(signal?.reason);
      const settle = (outcome: () => void) => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abandon);
        this.#readers.delete(reader);
        outcome();
      };
      const reader: Reader = {
        fail: (reason) => settle(() => reject(reason)),
        push: (piece) => {
          const ended = printed.push(piece);
          if (ended !== undefined) settle(() => resolve(toResult(ended)));
          else if (printed.chars > MOST_OUTPUT) {
            reader.fail(this.#error(`the command ${quoted} printed more than ${MOST_OUTPUT} characters`));
          }
        },
      };
      signal?.addEventListener('abort', abandon);
      this.#readers.add(reader);
      this.echo.type({ number, command, line });
      this.#port.write(line);
    });
  }

  #lineFor(command: string, number: number): string {
    const quoted = `'${command.replaceAll("'", `'\\''`)}'`;
    const longest = Math.max(...quoted.split('\n').map(({ length }) => length));
    if (longest > LONGEST_LINE) {
      throw new QemuOptionError(
        `a line of a command has ${longest} characters, and a terminal takes ${LONGEST_LINE}: put it into the initramfs as a script`,
      );
    }
    if (escapeLines(command.replaceAll('\t', ' ')) !== command.replaceAll('\t', ' ')) {
      throw new QemuOptionError('a command has control characters, which a terminal acts upon');
    }
    const tag = this.#tag;
    // In the echo of this line the marks have a pair of quotes in them. A guest that has just booted may have no /dev/null.
    return `echo ${tag}""b${number}; : | ( eval ${quoted} ) 2>&1; echo ${tag}""e${number}" "$?\n`;
  }

  #error(problem: string): GuestShellError {
    return new GuestShellError(problem, this.#tail());
  }
}

function toResult({ output, status }: EndedOutput): ShellResult {
  return { output: output.replaceAll('\r\n', '\n').replace(/^\n/, ''), status };
}
