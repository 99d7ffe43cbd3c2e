import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { type AbandonSignal, escapeLines } from '../../../protocols/transport/internal.ts';
import { GuestShellError, QemuOptionError } from '../errors.ts';
import { whileAlive } from './while-alive.ts';

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
  readonly fail: (reason: Error) => void;
}

/**
 * Commands for the shell that a guest has on its serial port. Each is evaluated in a subshell, with nothing to read; marks that no
 * echo of the command has say where its output begins and ends.
 *
 * @internal
 */
export class SerialShell {
  readonly #port: Duplex;
  readonly #tail: () => readonly string[];
  readonly #readers = new Set<Reader>();
  readonly #tag = `pagewalk-${randomBytes(6).toString('base64url').replaceAll(/[-_]/g, 'x')}`;
  #count = 0;
  #last: Promise<unknown> = Promise.resolve();
  #ending: Error | undefined;

  /** @param tail - the last lines of the console, for errors */
  constructor(port: Duplex, tail: () => readonly string[]) {
    this.#port = port;
    this.#tail = tail;
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
    return whileAlive(mine);
  }

  /** The guest has come to an end: what waits fails with this. */
  end(reason: Error): void {
    this.#ending ??= reason;
    for (const reader of [...this.#readers]) reader.fail(reason);
  }

  /** The guest is back in another moment: what was under way there is none of this one. */
  forget(): void {
    this.#last = Promise.resolve();
    for (const reader of [...this.#readers]) {
      reader.fail(this.#error('the guest was put back to a checkpoint while a command was under way'));
    }
  }

  #runNow(command: string, { timeoutMs = DEFAULT_TIMEOUT_MS, signal }: ShellOptions): Promise<ShellResult> {
    if (this.#ending !== undefined) return Promise.reject(this.#ending);
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    this.#count += 1;
    const number = this.#count;
    const line = this.#lineFor(command, number);
    const [begin, end] = [`${this.#tag}b${number}`, `${this.#tag}e${number}`];
    return new Promise((resolve, reject) => {
      let text = '';
      let began = false;
      const timer = setTimeout(() => {
        const where = began
          ? `the command ${JSON.stringify(command)} did not end in ${timeoutMs} ms`
          : `no shell took the command ${JSON.stringify(command)} in ${timeoutMs} ms. Is one running on the guest's ttyS0?`;
        reader.fail(this.#error(where));
      }, timeoutMs);
      const abandon = () => reader.fail(signal?.reason instanceof Error ? signal.reason : new Error('abandoned'));
      const settle = (outcome: () => void) => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abandon);
        this.#readers.delete(reader);
        outcome();
      };
      const reader: Reader = {
        fail: (reason) => settle(() => reject(reason)),
        push: (piece) => {
          // A mark may come in two pieces: what was looked through before matters only by its end.
          const from = Math.max(0, text.length - (end.length + STATUS_CHARS));
          text += piece;
          if (!began) {
            const at = text.indexOf(begin, from);
            if (at < 0) return;
            began = true;
            text = text.slice(at + begin.length);
          }
          const found = endOf(text, end, from);
          if (found !== undefined) settle(() => resolve(found));
          else if (text.length > MOST_OUTPUT) {
            reader.fail(
              this.#error(`the command ${JSON.stringify(command)} printed more than ${MOST_OUTPUT} characters`),
            );
          }
        },
      };
      signal?.addEventListener('abort', abandon);
      this.#readers.add(reader);
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

/** ` 255` and a line end. */
const STATUS_CHARS = 8;

function endOf(text: string, mark: string, from: number): ShellResult | undefined {
  const at = text.indexOf(mark, Math.min(from, text.length));
  if (at < 0) return undefined;
  const status = /^ (\d{1,3})[\r\n]/.exec(text.slice(at + mark.length, at + mark.length + STATUS_CHARS));
  if (status === null) return undefined;
  return { output: text.slice(0, at).replaceAll('\r\n', '\n').replace(/^\n/, ''), status: Number(status[1]) };
}
