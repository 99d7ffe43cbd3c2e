/** A clock that goes on only as a test says, for what waits by spans of time. Timers are not its business. */
export class FakeClock implements Disposable {
  /** In milliseconds. */
  now: number;
  /** It goes on by so much whenever it is looked at. */
  stepMs = 0;
  readonly #real = process.hrtime;

  constructor(now = 1_000_000) {
    this.now = now;
    const read = (): [number, number] => {
      const { now: shown } = this;
      this.now += this.stepMs;
      return [Math.floor(shown / 1000), Math.round((shown % 1000) * 1_000_000)];
    };
    process.hrtime = Object.assign(read, { bigint: this.#real.bigint });
  }

  [Symbol.dispose](): void {
    process.hrtime = this.#real;
  }
}
