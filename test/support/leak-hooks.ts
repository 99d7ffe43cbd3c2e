import { setTimeout as delay } from 'node:timers/promises';

/** What a leak gets to end by itself: pipes of processes that were killed, mostly. Milliseconds. */
const GRACE_MS = 15_000;
/** Sockets, pipes and processes. Timers end by themselves, and are the test runner's, too. */
const KINDS = /^(?:Pipe|TCP|Process)/;

function openNow(): readonly string[] {
  return process.getActiveResourcesInfo().filter((name) => KINDS.test(name));
}

// A worker that was told to end gets SIGTERM a second later (workerpool), and is still writing its coverage then, which would be
// lost. It does not wait for anything else: its end was asked for.
if (process.env['MOCHA_WORKER_ID'] !== undefined) process.on('SIGTERM', () => {});

let before = 0;

/** For what Node itself leaves open of a test, so many handles. */
export function tolerate(handles: number): void {
  before += handles;
}

/**
 * Hooks for all of a test file: one that leaves a socket or a process behind is a fault, also when it passed. Mocha asks each file
 * for itself when it runs them side by side, and one time for all when one runs after the other.
 */
export const mochaHooks = {
  beforeAll(): void {
    // Node opens these when they are first used.
    void [process.stdout, process.stderr];
    before = openNow().length;
  },

  async afterAll(): Promise<void> {
    const deadline = Date.now() + GRACE_MS;
    while (openNow().length > before) {
      if (Date.now() > deadline) throw new Error(`the tests have left open: ${openNow().join(', ')}`);
      await delay(20);
    }
  },
};
