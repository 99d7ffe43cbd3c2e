import type { ChildProcess } from 'node:child_process';
import { endingOf, endingSignalOf } from '../exec/command-ending.ts';
import { spawnGuarded } from '../exec/guarded-command.ts';
import { ProcessGroup } from '../exec/process-group.ts';
import { quoteWord } from '../exec/quote-word.ts';
import { TailBuffer } from '../exec/tail-buffer.ts';
import { randomDigits } from '../files/random-bytes.ts';

/** A line of a reply may be as long as QMP's longest message. */
const MAX_LINE_CHARS = 20 * 1024 * 1024;
const STDERR_CHARS = 4000;
/** How long what a command said on standard error may follow what it printed. */
const STDERR_GRACE_MS = 500;
/** How long what virsh said may follow its end. What it has started may hold its output open for ever. */
const EXIT_GRACE_MS = 500;
const CLOSE_GRACE_MS = 300;
const NO_VIRSH = 'there is no virsh here; Debian has it in libvirt-clients';

/** What a command of virsh's shell has said. @internal */
export interface VirshAnswer {
  /** The line that QEMU answered; undefined where virsh refused. */
  readonly reply: string | undefined;
  /** What virsh complained of. */
  readonly complaint: string;
}

interface Pending {
  readonly mark: string;
  reply?: string;
  /** What it complained of; undefined until its mark has come on standard error. */
  complaint?: string;
  /** Its mark has come on standard output. */
  isPrinted: boolean;
  readonly settle: (answer: VirshAnswer) => void;
  readonly fail: (error: Error) => void;
}

/**
 * One long-lived virsh, whose shell takes commands on its standard input: a new one for each command costs 270 ms, this one 4. It echoes
 * what it reads, and prints no end of an answer: behind each command go two that print a mark, which is split where it is echoed.
 *
 * @internal
 */
export class VirshShell {
  readonly child: ChildProcess;
  readonly #group: ProcessGroup | undefined;
  readonly #nonce = randomDigits();
  readonly #pending: Pending[] = [];
  readonly #complaints = new TailBuffer(STDERR_CHARS);
  readonly #ended: Promise<string>;
  #count = 0;
  #parts: string[] = [];
  #partChars = 0;
  #errors = '';
  #isOver = false;
  #problem = '';

  /** @param extra - what it inherits from descriptor 5 on */
  constructor(uri: string, extra: readonly ('pipe' | number)[] = []) {
    const command = `exec virsh -q -c ${quoteWord(uri)}`;
    this.child = spawnGuarded(command, extra, virshEnvironment(uri));
    const { child } = this;
    this.#group = child.pid === undefined ? undefined : new ProcessGroup(child.pid);
    child.once('exit', () => this.#group?.noteLeaderExit());
    for (const stream of child.stdio) stream?.on('error', () => {});
    child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#onOutput(text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#onErrors(text));
    this.#ended = new Promise((resolve) => {
      const onEnd = (status: number | null, signal: string | null): void =>
        resolve(this.#end(describeEnding(status, signal, cleaned(this.#complaints.text()))));
      child.once('error', (error) => resolve(this.#end(`virsh could not be started: ${error.message}`)));
      child.once('close', onEnd);
      child.once('exit', (...how) => setTimeout(onEnd, EXIT_GRACE_MS, ...how).unref());
    });
  }

  /** Settles with the reason when it is over. */
  get ended(): Promise<string> {
    return this.#ended;
  }

  /** Runs one line. They run in the order in which they are given. @throws Error in words when virsh ends first. */
  run(line: string): Promise<VirshAnswer> {
    if (this.#isOver) return Promise.reject(new Error(this.#problem));
    this.#count += 1;
    const tail = `${this.#nonce}x${this.#count}__`;
    return new Promise((settle, fail) => {
      this.#pending.push({ mark: `__PW${tail}`, isPrinted: false, settle, fail });
      const echoed = `__PW''${tail}`;
      this.child.stdin?.write(`${line}\necho --err ${echoed}\necho ${echoed}\n`);
    });
  }

  async close(): Promise<void> {
    this.#end('it was closed');
    this.child.stdin?.end();
    this.child.stdout?.resume();
    await this.#group?.end(CLOSE_GRACE_MS);
    for (const stream of this.child.stdio) stream?.destroy();
  }

  #onOutput(text: string): void {
    const lines = text.split('\n');
    const last = lines.pop() ?? '';
    for (const line of lines) {
      this.#onLine(this.#parts.join('') + line);
      this.#parts = [];
      this.#partChars = 0;
    }
    this.#parts.push(last);
    this.#partChars += last.length;
    if (this.#partChars > MAX_LINE_CHARS) {
      this.#end(`virsh printed a line of more than ${MAX_LINE_CHARS} characters`);
      this.child.stdout?.destroy();
      return;
    }
    // The mark ends no line: the next prompt comes right behind it.
    if (this.#partChars < 200 && this.#onMark(this.#parts.join(''))) {
      this.#parts = [];
      this.#partChars = 0;
    }
  }

  #onLine(line: string): void {
    if (this.#onMark(line)) return;
    const current = this.#pending.find(({ isPrinted }) => !isPrinted);
    if (current !== undefined && line.startsWith('{')) current.reply ??= line;
  }

  #onMark(line: string): boolean {
    const current = this.#pending.find(({ isPrinted }) => !isPrinted);
    if (current === undefined || !line.startsWith(current.mark)) return false;
    current.isPrinted = true;
    // What it complained of comes on another stream.
    if (current.reply !== undefined || current.complaint !== undefined) this.#settle(current);
    else setTimeout(() => this.#settle(current), STDERR_GRACE_MS).unref();
    return true;
  }

  #onErrors(text: string): void {
    this.#complaints.push(text);
    this.#errors = (this.#errors + text).slice(-STDERR_CHARS);
    for (const pending of [...this.#pending]) {
      const at = this.#errors.indexOf(pending.mark);
      if (at < 0) continue;
      pending.complaint = this.#errors.slice(0, at);
      this.#errors = this.#errors.slice(at + pending.mark.length);
      if (pending.isPrinted) this.#settle(pending);
    }
  }

  #settle(pending: Pending): void {
    const at = this.#pending.indexOf(pending);
    if (at < 0) return;
    this.#pending.splice(at, 1);
    pending.settle({ reply: pending.reply, complaint: cleaned(pending.complaint ?? this.#errors) });
  }

  #end(why: string): string {
    if (this.#isOver) return this.#problem;
    this.#isOver = true;
    this.#problem = why;
    for (const pending of this.#pending.splice(0)) pending.fail(new Error(this.#problem));
    return this.#problem;
  }
}

/** A word of virsh's without its prefix, in one line. */
function cleaned(text: string): string {
  return text
    .split('\n')
    .map((line) => line.replace(/^error: */, '').trim())
    .filter(
      (line) =>
        line !== '' && !/^__PW[0-9a-fx]{1,40}__$/.test(line) && !line.startsWith("Failed to create '/dev/null/"),
    )
    .join('; ');
}

/** What virsh said says more than how it ended; not so where a signal ended it, or there is none: those words are the shell's. */
function describeEnding(status: number | null, signal: string | null, said: string): string {
  // POSIX: the status of a shell whose command is not found.
  if (status === 127) return NO_VIRSH;
  return said === '' || endingSignalOf(status, signal) !== undefined ? `virsh ${endingOf(status, signal)}` : said;
}

/**
 * virsh keeps a history of what was typed, in which this has no place. A session's daemon, which virsh may have to start, would inherit
 * the folder that is none.
 *
 * @internal
 */
export function virshEnvironment(uri: string): NodeJS.ProcessEnv {
  const isSession = uri.includes('/session');
  return { ...process.env, LC_ALL: 'C', TERM: 'dumb', ...(isSession ? {} : { XDG_CACHE_HOME: '/dev/null' }) };
}
