/** The timers that were set since they are watched. */
export interface WatchedTimers {
  /** Whether those of so many milliseconds that wait keep the process alive, one for each. */
  waiting(ms: number): readonly boolean[];
  /** So many milliseconds are over, for those that wait for as many and for the clock. */
  fire(ms: number): void;
}

interface Timer {
  readonly ms: number;
  readonly callback: () => void;
  readonly handle: NodeJS.Timeout;
}

/** Sees the timers that are set in a test of the suite in which it is called: what waits for seconds is over at a word. */
export function useWatchedTimers(): WatchedTimers {
  const { setTimeout: set, clearTimeout: clear } = globalThis;
  const { hrtime } = process;
  const timers = new Set<Timer>();
  let passedMs = 0;

  beforeEach(() => {
    passedMs = 0;
    const watchedClock = (): [number, number] => {
      const [seconds, nanoseconds] = hrtime();
      return [seconds + passedMs / 1000, nanoseconds];
    };
    process.hrtime = Object.assign(watchedClock, { bigint: hrtime.bigint });
    const watchedSet = (callback: (...words: unknown[]) => void, ms = 0, ...words: unknown[]): NodeJS.Timeout => {
      const handle = set(() => {
        timers.delete(timer);
        callback(...words);
      }, ms);
      const timer = { ms, callback: () => callback(...words), handle };
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
    timers.clear();
  });

  const of = (ms: number): readonly Timer[] => [...timers].filter((timer) => timer.ms === ms);
  return {
    waiting: (ms) => of(ms).map(({ handle }) => handle.hasRef()),
    fire(ms) {
      passedMs += ms;
      for (const timer of of(ms)) {
        timers.delete(timer);
        clear(timer.handle);
        timer.callback();
      }
    },
  };
}
