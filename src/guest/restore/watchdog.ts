import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { RestorePlan } from './restore-plan.ts';

/**
 * What this process says to the watchdog, one JSON text a line. The end of the pipe without `disarm` means: put it back.
 *
 * `deadline`: the pause must be over by then, milliseconds from now on, or this process is stuck, and is killed for it; null
 * when it is over.
 *
 * @internal
 */
export type WatchdogMessage =
  | { readonly plan: RestorePlan }
  | { readonly deadline: number | null }
  | { readonly disarm: true };

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
    const child = spawn(process.execPath, [program], { detached: true, stdio: ['pipe', 'pipe', 'ignore'] });
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
    this.#process.stdin?.write(`${JSON.stringify(message)}\n`);
  }

  /** The pipe ends, as it does when this process ends. */
  end(): void {
    this.#process.stdin?.end();
  }
}

/** A bundle holds this module but not the program beside it; in CommonJS it does not even know where it lies. */
function programFile(): string | undefined {
  try {
    const file = fileURLToPath(new URL('./watchdog-main.js', import.meta.url));
    return existsSync(file) ? file : undefined;
  } catch {
    return undefined;
  }
}
