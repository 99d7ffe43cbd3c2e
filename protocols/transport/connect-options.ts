import type { AbandonSignal } from './abandon-signal.ts';

/** How long and under whose control a connection may be tried. @public */
export interface ConnectOptions {
  /** For the whole attempt, name look-up included. Milliseconds. */
  readonly timeoutMs: number;
  /** Stops connecting when it fires. It has no effect once the connection is made. */
  readonly signal?: AbandonSignal;
  /**
   * Opens the file of a unix socket by a way of its own, for a name only (O_PATH), where others may put a link in the place of it.
   *
   * @internal
   */
  readonly openSocket?: () => number;
}
