import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WAITING_SHELL } from './waiting-shell.ts';
import { encodeMessage, type WatchdogMessage } from './watchdog-message.ts';

const PROGRAM_NAMES = ['watchdog-main.js', 'pagewalk-watchdog.js', 'pagewalk-watchdog.mjs', 'pagewalk-watchdog.cjs'];

/**
 * The one who stays when this process is killed outright (SIGKILL, the OOM killer): a small process that holds the other end
 * of a pipe. When the pipe ends without a word it turns the stub's physical mode off and resumes a guest that ran.
 *
 * It is in a process group of its own, so that a signal to ours does not reach it.
 *
 * @internal
 */
export class Watchdog {
  readonly #process: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#process = child;
  }

  /** @returns the watchdog, or why there is none, in words */
  static async start(): Promise<Watchdog | string> {
    const program = programFile();
    if (program === undefined) return 'its program is not beside this library, as in a bundle';
    const node = process.execPath;
    const inShell = await Watchdog.#spawn('/bin/sh', ['-c', WAITING_SHELL, 'sh', node, program, String(process.pid)]);
    // Where there is no such shell, or no /proc, the program waits by itself.
    return inShell instanceof Watchdog ? inShell : Watchdog.#spawn(node, [program]);
  }

  static async #spawn(command: string, words: readonly string[]): Promise<Watchdog | string> {
    const child = spawn(command, words, { detached: true, stdio: ['pipe', 'pipe', 'ignore'] });
    child.stdin?.on('error', () => {});
    child.stdout?.on('error', () => {});
    // Waited for before the guest is paused: so its start is not part of the pause, and nothing goes unguarded.
    const problem = await Promise.race([
      once(child.stdout ?? child, 'data').then(() => undefined),
      once(child, 'exit').then(([status, signal]) => `its process ended at once (${signal ?? `status ${status}`})`),
    ]).catch((error: unknown) => `its process did not start (${String(error)})`);
    child.on('error', () => {});
    child.stdout?.destroy();
    child.unref();
    if (problem !== undefined) return problem;
    return new Watchdog(child);
  }

  /**
   * A write to an empty pipe has happened when this returns: what is said before a thing is done is known before it can go
   * wrong.
   */
  say(message: WatchdogMessage): void {
    this.#process.stdin?.write(encodeMessage(message));
  }

  /** The pipe ends, as it does when this process ends. */
  end(): void {
    this.#process.stdin?.end();
  }
}

/**
 * The program in this package; or, beside a bundle that holds this module, a bundle of `pagewalk/watchdog`. A bundle holds no program
 * by itself, as nothing imports one.
 */
function programFile(): string | undefined {
  const directory = ownDirectory();
  if (directory === undefined) return undefined;
  return PROGRAM_NAMES.map((name) => join(directory, name)).find((file) => existsSync(file));
}

/** A bundle in CommonJS has no `import.meta`, and a module no `__dirname`. */
function ownDirectory(): string | undefined {
  if (typeof __dirname === 'string') return __dirname;
  const { url } = import.meta as { readonly url?: string };
  return url?.startsWith('file:') ? dirname(fileURLToPath(url)) : undefined;
}
