import { setImmediate as turn } from 'node:timers/promises';

/** Timers of a second and more, unless shorter ones are named, which end only when a test says so. Those of Node's own modules are not among them. */
export class HeldTimers implements Disposable {
  readonly #setTimeout = globalThis.setTimeout;
  readonly #clearTimeout = globalThis.clearTimeout;
  readonly #held = new Map<NodeJS.Timeout, { readonly ms: number; readonly end: () => void }>();

  constructor(fromMs = 1000) {
    const hold = (end: (...values: unknown[]) => void, ms = 0, ...values: unknown[]): NodeJS.Timeout => {
      if (ms < fromMs) return this.#setTimeout(end, ms, ...values);
      const timer = this.#setTimeout(() => {}, 2 ** 30);
      this.#held.set(timer, { ms, end: () => end(...values) });
      return timer;
    };
    const clear: typeof clearTimeout = (timer) => {
      if (typeof timer === 'object') this.#held.delete(timer);
      this.#clearTimeout(timer);
    };
    globalThis.setTimeout = hold as unknown as typeof setTimeout;
    globalThis.clearTimeout = clear;
  }

  /** Ends all of this length. */
  end(ms: number): void {
    for (const [timer, held] of [...this.#held]) {
      if (held.ms !== ms) continue;
      this.#held.delete(timer);
      this.#clearTimeout(timer);
      held.end();
    }
  }

  /** The same, as soon as there is one. */
  async endNext(ms: number): Promise<void> {
    while (![...this.#held.values()].some((held) => held.ms === ms)) await turn();
    this.end(ms);
  }

  [Symbol.dispose](): void {
    for (const timer of this.#held.keys()) this.#clearTimeout(timer);
    globalThis.setTimeout = this.#setTimeout;
    globalThis.clearTimeout = this.#clearTimeout;
  }
}
