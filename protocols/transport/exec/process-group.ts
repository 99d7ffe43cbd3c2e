import { setTimeout as delay } from 'node:timers/promises';
import { nowMs } from '../waiting/now-ms.ts';

const POLL_MS = 5;
/**
 * Nothing survives SIGKILL. But the dead whose parent died too count as members until the init process collects them, which in
 * a container can take long: so they are not waited for to the end.
 */
const AFTER_KILL_MS = 100;

/** All processes descending from one command, as long as they did not leave its process group. @internal */
export class ProcessGroup {
  readonly #id: number;
  #isGone = false;

  /** @param leaderPid - of a process that was started as the leader of its own group. */
  constructor(leaderPid: number) {
    this.#id = leaderPid;
  }

  /**
   * To be called when the leader has been collected. From then on only surviving members keep the system from giving the
   * number to a stranger, who must not be signalled.
   */
  noteLeaderExit(): void {
    this.#isGone = !this.#signal(0);
  }

  /** Waits for the group to be gone; asks it to go (SIGTERM) and then makes it go (SIGKILL), each after `graceMs`. */
  async end(graceMs: number): Promise<void> {
    if (await this.#isGoneWithin(graceMs)) return;
    this.#signal('SIGTERM');
    if (await this.#isGoneWithin(graceMs)) return;
    this.#signal('SIGKILL');
    await this.#isGoneWithin(AFTER_KILL_MS);
  }

  async #isGoneWithin(timeoutMs: number): Promise<boolean> {
    const deadline = nowMs() + timeoutMs;
    while (this.#signal(0)) {
      if (nowMs() >= deadline) return false;
      await delay(POLL_MS);
    }
    this.#isGone = true;
    return true;
  }

  #signal(signal: NodeJS.Signals | 0): boolean {
    if (this.#isGone) return false;
    try {
      process.kill(-this.#id, signal);
      return true;
    } catch (error) {
      // EPERM: members remain that changed their user; they are there, even if they cannot be signalled.
      return (error as NodeJS.ErrnoException).code === 'EPERM';
    }
  }
}
