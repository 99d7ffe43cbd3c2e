import { type AbandonSignal, LONGEST_TIMER_MS } from '../../../protocols/transport/internal.ts';
import { CheckpointError, QemuOptionError } from '../errors.ts';
import type { Checkpoint } from '../guest/checkpoints.ts';
import type { LaunchedGuest } from '../guest/launched-guest.ts';
import { type FailedTest, registerHooks, type TestHooks } from './test-hooks.ts';

/** Booting an emulated Linux on a busy machine takes minutes. */
const DEFAULT_TIMEOUT_MS = 300_000;
/** What a test before has not awaited may end by itself. Milliseconds. */
const LEFT_GRACE_MS = 1000;

/** How tests share a guest. @public */
export interface SharedGuestOptions {
  /**
   * `each`: every test finds the guest as it was when it was ready: put back to a checkpoint, or booted again where that is faster.
   * `never`: as the test before left it. A guest that has died or was stopped, or that a test which ran out of time still holds, is
   * booted again in any case. `never` unless given.
   */
  readonly restore?: 'each' | 'never';
  /** The runner's hooks, where they are not global: those of vitest without `globals`, or of `node:test` run without `--test`. */
  readonly hooks?: TestHooks;
  /** For each hook, which boots the guest, or puts it back. Milliseconds, 300000 unless given. */
  readonly timeoutMs?: number;
}

/** A guest that the tests of a suite share. @public */
export interface SharedGuest {
  /** The guest. @throws QemuOptionError `ERR_TESTING_OPTION` outside of tests. */
  readonly guest: LaunchedGuest;
  /** How long the last boot took until the guest was ready, and the last time it was put back; undefined where none was yet. */
  readonly times: { readonly bootMs: number | undefined; readonly restoreMs: number | undefined };
}

/**
 * One guest for the tests of a suite: booted before the first, ended after the last. To be called where the suite is described, or at
 * the top of a file.
 *
 * @example
 * ```ts
 * const shared = sharedGuest(async (signal) => {
 *   const guest = await launchGuest({ kernel: 'kernel.bin', signal });
 *   await guest.console.expect(/ready/);
 *   return guest;
 * }, { restore: 'each' });
 *
 * it('has no page that is writable and executable', async () => {
 *   expectNoWritableExecutable(await shared.guest.map());
 * });
 * ```
 * @param make - starts the guest and waits until it is ready; the signal fires when the suite is over, however it ended
 * @throws QemuOptionError `ERR_TESTING_OPTION` where no test runner is at hand.
 * @public
 */
export function sharedGuest(
  make: (signal: AbandonSignal) => Promise<LaunchedGuest>,
  { restore = 'never', hooks, timeoutMs = DEFAULT_TIMEOUT_MS }: SharedGuestOptions = {},
): SharedGuest {
  const keeper = new GuestKeeper(make, restore);
  registerHooks(
    hooks,
    {
      before: () => keeper.boot(),
      after: () => keeper.end(),
      beforeEach: () => keeper.refresh(),
      afterEach: (failed) => keeper.explain(failed),
    },
    timeoutMs,
  );
  return {
    get guest() {
      return keeper.guest;
    },
    get times() {
      return keeper.times;
    },
  };
}

/** Keeps the guest of a suite as its tests want it. */
class GuestKeeper {
  readonly #make: (signal: AbandonSignal) => Promise<LaunchedGuest>;
  readonly #restore: 'each' | 'never';
  /** Of the guest that is there, or being started. */
  #launch = new AbortController();
  #over: QemuOptionError | undefined;
  /**
   * Keeps this process alive from the first boot to the end of the suite, which comes in any case: node:test ends a test that waits
   * for what keeps nothing alive before its time is up, and with it all tests that follow.
   */
  #alive: NodeJS.Timeout | undefined;
  #guest: LaunchedGuest | undefined;
  /** No test has had it since it was booted. */
  #isFresh = false;
  #checkpoint: Checkpoint | undefined;
  #canSave = true;
  #bootMs: number | undefined;
  #restoreMs: number | undefined;

  constructor(make: (signal: AbandonSignal) => Promise<LaunchedGuest>, restore: 'each' | 'never') {
    this.#make = make;
    this.#restore = restore;
  }

  get guest(): LaunchedGuest {
    if (this.#guest === undefined) throw new QemuOptionError('the shared guest is there only while tests run');
    return this.#guest;
  }

  get times(): SharedGuest['times'] {
    return { bootMs: this.#bootMs, restoreMs: this.#restoreMs };
  }

  async boot(): Promise<void> {
    await this.#guest?.stop();
    this.#checkpoint = undefined;
    const begin = performance.now();
    this.#alive ??= setInterval(() => {}, LONGEST_TIMER_MS);
    const launch = new AbortController();
    this.#launch = launch;
    if (this.#over !== undefined) launch.abort(this.#over);
    try {
      this.#guest = await this.#make(launch.signal);
    } catch (error) {
      // What has been started is not wanted any more.
      launch.abort(error);
      this.#letEnd();
      throw error;
    }
    this.#bootMs = performance.now() - begin;
    if (launch.signal.aborted) {
      this.#letEnd();
      await this.#guest.stop();
    }
    this.#isFresh = true;
    if (this.#restore === 'each' && this.#canSave && !this.#restoresSlower) await this.#save(this.#guest);
  }

  /** Putting the guest back took longer than booting it. */
  get #restoresSlower(): boolean {
    return (this.#restoreMs ?? 0) > (this.#bootMs ?? 0);
  }

  async refresh(): Promise<void> {
    const wasFresh = this.#isFresh;
    this.#isFresh = false;
    // A test that ran out of time may still hold it.
    if (this.guest.isOver || !(await this.guest.becomesIdle(LEFT_GRACE_MS))) return this.#bootForTest();
    if (wasFresh || this.#restore === 'never') return;
    if (this.#checkpoint === undefined || this.#restoresSlower) return this.#bootForTest();
    const begin = performance.now();
    try {
      await this.guest.restore(this.#checkpoint);
    } catch (error) {
      // A guest may die of being put back: that is another boot.
      if (!this.guest.isOver) throw error;
      return this.#bootForTest();
    }
    this.#restoreMs = performance.now() - begin;
  }

  async explain(failed: FailedTest | undefined): Promise<void> {
    if (failed === undefined || this.#guest?.hasExplained(failed.error) === true) return;
    await this.#guest?.saveArtifacts(failed.name, failed.error);
  }

  async end(): Promise<void> {
    this.#over = new QemuOptionError('the tests that share the guest are over');
    this.#launch.abort(this.#over);
    this.#letEnd();
    await this.#guest?.stop();
    this.#guest = undefined;
  }

  #letEnd(): void {
    clearInterval(this.#alive);
    this.#alive = undefined;
  }

  async #bootForTest(): Promise<void> {
    await this.boot();
    this.#isFresh = false;
  }

  /** A guest with a disk that has no snapshots is booted again instead. */
  async #save(guest: LaunchedGuest): Promise<void> {
    try {
      this.#checkpoint = await guest.checkpoint();
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
      this.#canSave = false;
    }
  }
}
