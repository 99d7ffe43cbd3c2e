import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** What has to be put back in a guest whose client was killed. @internal */
export interface RestorePlan {
  readonly qmp?: string;
  /** The stub whose physical mode may be on. */
  readonly stub?: string;
  /** The guest ran, and must run again. */
  readonly resume?: boolean;
  /** Directory of a stub that the client had started. */
  readonly ownStubDirectory?: string;
}

/** What this process says to the watchdog, one JSON text a line. The end of the pipe without `disarm` means: put it back. */
export type WatchdogMessage = { readonly plan: RestorePlan } | { readonly disarm: true };

const PROGRAM = fileURLToPath(new URL('./watchdog-main.js', import.meta.url));

/**
 * The one who stays when this process is killed outright (SIGKILL, the OOM killer): a small process that holds the other end
 * of a pipe. When the pipe ends without a word it turns the stub's physical mode off and resumes a guest that ran.
 *
 * It is in a process group of its own, so that a signal to ours does not reach it.
 *
 * @internal
 */
export class Watchdog {
  #plan: RestorePlan;
  #process: Promise<ChildProcess> | undefined;

  constructor({ qmp, enabled }: { readonly qmp?: string; readonly enabled: boolean }) {
    this.#plan = qmp === undefined ? {} : { qmp };
    if (enabled) this.#process = start();
  }

  /** Makes sure that the watchdog knows before what it guards against can happen. */
  async arm(addition: RestorePlan): Promise<void> {
    this.#plan = { ...this.#plan, ...addition };
    await this.#process;
    await this.#say({ plan: this.#plan });
  }

  /** The guest runs again: nothing of the pause is left to put back, and a pause that comes later may be somebody else's. */
  async relax(): Promise<void> {
    const { resume, stub, ...standing } = this.#plan;
    this.#plan = standing;
    await this.#say({ plan: standing });
  }

  /** Everything is back in its place. */
  async disarm(): Promise<void> {
    await this.#say({ disarm: true });
    await this.#end();
  }

  /** Something could not be put back from here: the watchdog tries, from a fresh connection. */
  trigger(): Promise<void> {
    return this.#end();
  }

  async #say(message: WatchdogMessage): Promise<void> {
    (await this.#process)?.stdin?.write(`${JSON.stringify(message)}\n`);
  }

  async #end(): Promise<void> {
    const child = await this.#process;
    this.#process = undefined;
    child?.stdin?.end();
  }
}

async function start(): Promise<ChildProcess> {
  const child = spawn(process.execPath, [PROGRAM], { detached: true, stdio: ['pipe', 'pipe', 'ignore'] });
  // A watchdog that died is no reason to fail: everything is still put back from here.
  child.on('error', () => {});
  child.stdin?.on('error', () => {});
  // Waited for before the guest is paused: so its start is not part of the pause, and nothing goes unguarded.
  await Promise.race([once(child.stdout ?? child, 'data'), once(child, 'exit').catch(() => {})]);
  child.stdout?.destroy();
  child.unref();
  return child;
}
