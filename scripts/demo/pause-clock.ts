import { type QmpClient, type QmpEvent, queryStatus } from '../../protocols/qmp/index.ts';

/** What something cost a guest. */
export interface Measured<T> {
  readonly result: T;
  /** How long the guest was paused in all, in milliseconds. */
  readonly pauseMs: number;
  /** Each pause by itself. */
  readonly pausesMs: readonly number[];
}

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
   * Runs something that pauses the guest, once or several times.
   *
   * @throws RangeError when there was no pause, or no end of it
   */
  async measure<T>(run: () => Promise<T>): Promise<Measured<T>> {
    const pausesMs: number[] = [];
    let from: number | undefined;
    const stopListening = this.#qmp.onEvent((event) => {
      if (event.event === 'STOP') from ??= microseconds(event);
      // The end of a pause before this one may be told only now.
      if (event.event !== 'RESUME' || from === undefined) return;
      pausesMs.push((microseconds(event) - from) / 1000);
      from = undefined;
    });
    try {
      const result = await run();
      // Events come before replies: with this one, all that has happened is known.
      await queryStatus(this.#qmp);
      if (from !== undefined || pausesMs.length === 0) throw new RangeError('the guest was not paused, or is still');
      return { result, pausesMs, pauseMs: pausesMs.reduce((sum, each) => sum + each) };
    } finally {
      stopListening();
    }
  }
}

function microseconds({ timestamp }: QmpEvent): number {
  return timestamp === undefined ? Number.NaN : timestamp.seconds * 1e6 + timestamp.microseconds;
}
