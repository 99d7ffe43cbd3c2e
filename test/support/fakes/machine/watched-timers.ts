import { setImmediate as turn } from 'node:timers/promises';

/** The timers that were set since they are watched. Those of Node's own modules are not among them. */
export interface WatchedTimers {
  /** Whether those of so many milliseconds that wait keep the process alive, one for each. */
  waiting(ms: number): readonly boolean[];
  /** So many milliseconds are over, for those that wait for as many and for the clock. */
  fire(ms: number): void;
  /** The same, as soon as one waits for as many. */
  fireNext(ms: number): Promise<void>;
  /** Those of so many milliseconds and more that are set from now on in this test are over at a word alone, however slow it is. */
  hold(fromMs: number): void;
}

interface Timer {
  readonly ms: number;
  readonly callback: () => void;
  readonly handle: NodeJS.Timeout;
  readonly isHeld: boolean;
}

/** Sees the timers that are set in a test of the suite in which it is called: what waits for seconds is over at a word. */
export function useWatchedTimers(): WatchedTimers {
  const { setTimeout: set, clearTimeout: clear } = globalThis;
  const { hrtime } = process;
  const timers = new Set<Timer>();
  let passedMs = 0;
  let heldFromMs = Number.POSITIVE_INFINITY;

  beforeEach(() => {
    passedMs = 0;
    heldFromMs = Number.POSITIVE_INFINITY;
    const watchedClock = (): [number, number] => {
      const [seconds, nanoseconds] = hrtime();
      return [seconds + passedMs / 1000, nanoseconds];
    };
    process.hrtime = Object.assign(watchedClock, { bigint: hrtime.bigint });
    const watchedSet = (callback: (...words: unknown[]) => void, ms = 0, ...words: unknown[]): NodeJS.Timeout => {
      const isHeld = ms >= heldFromMs;
      const end = (): void => {
        timers.delete(timer);
        callback(...words);
      };
      // One that is held keeps the process alive as it would have, and no longer than its test.
      const handle = set(isHeld ? () => {} : end, isHeld ? 2 ** 30 : ms);
      const timer = { ms, callback: () => callback(...words), handle, isHeld };
      timers.add(timer);
      return handle;
    };
    const watchedClear = (handle: NodeJS.Timeout | undefined): void => {
      for (const timer of timers) if (timer.handle === handle) timers.delete(timer);
      clear(handle);
    };
    globalThis.setTimeout = watchedSet as unknown as typeof setTimeout;
    globalThis.clearTimeout = watchedClear as typeof clearTimeout;
  });

  afterEach(() => {
    globalThis.setTimeout = set;
    globalThis.clearTimeout = clear;
    process.hrtime = hrtime;
    for (const { handle, isHeld } of timers) if (isHeld) clear(handle);
    timers.clear();
  });

  const of = (ms: number): readonly Timer[] => [...timers].filter((timer) => timer.ms === ms);
  const fire = (ms: number): void => {
    passedMs += ms;
    for (const timer of of(ms)) {
      timers.delete(timer);
      clear(timer.handle);
      timer.callback();
    }
  };
  return {
    waiting: (ms) => of(ms).map(({ handle }) => handle.hasRef()),
    fire,
    async fireNext(ms) {
      while (of(ms).length === 0) await turn();
      fire(ms);
    },
    hold(fromMs) {
      heldFromMs = fromMs;
    },
  };
}
