import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { TortureError } from '../torture-error.ts';
import { within } from './patience.ts';
import { signal } from './processes.ts';
import type { Sandbox } from './sandbox.ts';

/** Seen from dist/scripts/torture/rig, where this file runs. Another build can be tried instead of this one. */
const { PAGEWALK_PROGRAM } = process.env;
const PROGRAM = PAGEWALK_PROGRAM ?? fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url));

/** How a run of the command ended. */
export interface CommandEnd {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly tookMs: number;
  /** It did not end in time, and was killed. */
  readonly isOverdue: boolean;
}

/** How to start it. */
export interface CommandOptions {
  /** After so long it is killed. */
  readonly limitMs?: number;
  /** A program and its arguments that run the command (`strace …`). */
  readonly under?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

const DEFAULT_LIMIT_MS = 60_000;
const MOST_OUTPUT_CHARS = 64 << 20;

/** A run of the command that is under way, in a process group of its own, as a shell would start it. */
export class CommandRun {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly ended: Promise<CommandEnd>;

  constructor(words: readonly string[], sandbox: Sandbox, options: CommandOptions = {}) {
    const [program = process.execPath, ...before] = [...(options.under ?? []), process.execPath, PROGRAM];
    this.child = spawn(program, [...before, ...words], {
      env: { ...sandbox.environment, ...options.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    this.pid = this.child.pid ?? 0;
    this.ended = this.#end(options.limitMs ?? DEFAULT_LIMIT_MS);
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  async #end(limitMs: number): Promise<CommandEnd> {
    const start = performance.now();
    const said = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      this.child[name]?.setEncoding('utf8').on('data', (text: string) => {
        if (said[name].length < MOST_OUTPUT_CHARS) said[name] += text;
      });
    }
    const exit = once(this.child, 'exit');
    const closed = once(this.child, 'close');
    const isOverdue = (await within(exit, limitMs)) === undefined;
    if (isOverdue) {
      signal(-this.pid, 'SIGCONT');
      signal(-this.pid, 'SIGKILL');
    }
    const [status, bySignal] = (await exit) as [number | null, NodeJS.Signals | null];
    const tookMs = performance.now() - start;
    // Output that another process holds open is no reason to wait.
    await within(closed, 2000);
    return { status, signal: bySignal, ...said, tookMs, isOverdue };
  }
}

/** Runs the command to its end. */
export function runCommand(words: readonly string[], sandbox: Sandbox, options?: CommandOptions): Promise<CommandEnd> {
  return new CommandRun(words, sandbox, options).ended;
}

/** How a run ended, in a line. */
export function describeEnd({ status, signal: bySignal, stderr, tookMs }: CommandEnd): string {
  const how = status === null ? `ended by ${bySignal}` : `status ${status}`;
  return `${how} after ${Math.round(tookMs)} ms, "${stderr.trim().slice(0, 300)}"`;
}

/** What is wrong with how a run ended, whatever it was asked: no user should ever see these. */
export function unseemly({ stderr, signal: bySignal, isOverdue, tookMs }: CommandEnd): readonly string[] {
  const problems: string[] = [];
  if (isOverdue) problems.push(`did not end in ${Math.round(tookMs)} ms`);
  if (!isOverdue && (bySignal === 'SIGSEGV' || bySignal === 'SIGABRT')) problems.push(`crashed by ${bySignal}`);
  // libvirt has internal errors of its own, which are passed on.
  if (/^pagewalk: internal error/m.test(stderr)) problems.push(`internal error: ${stderr.slice(0, 300)}`);
  if (/\n {4}at /.test(stderr)) problems.push(`stack trace: ${stderr.slice(0, 300)}`);
  // C0 but for the line end, and C1, would be obeyed by a terminal.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/.test(stderr)) {
    problems.push(`control characters on standard error: ${JSON.stringify(stderr.slice(0, 200))}`);
  }
  return problems;
}

/** What a run that something was done to may come to. */
export interface ExpectedCommand {
  /** What it came to when nothing disturbed it. */
  readonly reference: CommandEnd;
  /** How else it may end. */
  readonly ends: readonly (number | NodeJS.Signals)[];
  /** Its answer is the same each time. */
  readonly isSteady: boolean;
}

/** What is wrong with how a run ended, and with its answer where it ended as when nothing disturbed it. */
export function judgeCommand(end: CommandEnd, { reference, ends, isSteady }: ExpectedCommand): string[] {
  const problems = [...unseemly(end)];
  const how = end.signal ?? end.status ?? -1;
  const isWhole = how === reference.status;
  if (!isWhole && !ends.includes(how)) problems.push(`ended with ${how}: ${end.stderr.trim().slice(0, 300)}`);
  if (isWhole && isSteady && end.stdout !== reference.stdout) problems.push('the answer is another one');
  return problems;
}

const UNDISTURBED_TRIES = 3;

/**
 * How a question ends when nothing disturbs it. A machine that is busy with other work disturbs it too, so it is tried again.
 *
 * @throws TortureError when it never ends well: then there is nothing to compare with
 */
export async function undisturbed(what: string, ask: () => Promise<CommandEnd>): Promise<CommandEnd> {
  for (let left = UNDISTURBED_TRIES; ; left -= 1) {
    const end = await ask();
    if (end.status === 0 || end.status === 1) return end;
    if (left <= 1) throw new TortureError(`${what}, undisturbed: ${describeEnd(end)}`);
  }
}
