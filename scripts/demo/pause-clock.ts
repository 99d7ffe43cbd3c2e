import type { QmpClient, QmpEvent } from '../../protocols/qmp/index.ts';

/**
 * Measures pauses of a guest by QEMU's own clock: the timestamps of its STOP and RESUME events, on a monitor that is not the
 * one by which the guest is paused.
 */
export class PauseClock {
  readonly #qmp: QmpClient;

  constructor(qmp: QmpClient) {
    this.#qmp = qmp;
  }

  /**
   * Runs something that pauses the guest once.
   *
   * @returns what it returned, and how long the guest was paused, in milliseconds
   * @throws QmpTimeoutError when there was no pause, or no end of it
   */
  async measure<T>(run: () => Promise<T>): Promise<{ readonly result: T; readonly pauseMs: number }> {
    let isOver = true;
    const stop = this.#qmp.waitForEvent('STOP', {
      accept: () => {
        isOver = false;
        return true;
      },
    });
    // The end of a pause before this one may be told only now.
    const resume = this.#qmp.waitForEvent('RESUME', { accept: () => !isOver });
    const [result, from, to] = await Promise.all([run(), stop, resume]);
    return { result, pauseMs: (microseconds(to) - microseconds(from)) / 1000 };
  }
}

function microseconds({ timestamp }: QmpEvent): number {
  return timestamp === undefined ? Number.NaN : timestamp.seconds * 1e6 + timestamp.microseconds;
}
