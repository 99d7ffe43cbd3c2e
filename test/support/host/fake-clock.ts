import { createRequire, syncBuiltinESMExports } from 'node:module';

/** The module itself: what is imported of it by name follows it. */
const timers: { setTimeout: unknown } = createRequire(import.meta.url)('node:timers/promises');

/** A clock that goes on only as a test says, for what waits by spans of time. Timers are not its business, unless it is to skip delays. */
export class FakeClock implements Disposable {
  /** In milliseconds. */
  now: number;
  /** It goes on by so much whenever it is looked at. */
  stepMs = 0;
  /** Those of `node:timers/promises` that were skipped: the clock goes on by each. */
  readonly skipped: number[] = [];
  readonly #real = process.hrtime;
  readonly #delay = timers.setTimeout;

  constructor(now = 1_000_000) {
    this.now = now;
    const read = (): [number, number] => {
      const { now: shown } = this;
      this.now += this.stepMs;
      return [Math.floor(shown / 1000), Math.round((shown % 1000) * 1_000_000)];
    };
    process.hrtime = Object.assign(read, { bigint: this.#real.bigint });
  }

  /** From now on. */
  skipDelays(): void {
    timers.setTimeout = async (ms: number): Promise<void> => {
      this.skipped.push(ms);
      this.now += ms;
      await new Promise(setImmediate);
    };
    syncBuiltinESMExports();
  }

  [Symbol.dispose](): void {
    process.hrtime = this.#real;
    timers.setTimeout = this.#delay;
    syncBuiltinESMExports();
  }
}
