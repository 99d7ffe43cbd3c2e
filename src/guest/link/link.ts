import type { Monitor } from '../monitor/monitor.ts';
import type { Peer } from '../peer/peer.ts';
import type { StubSession } from './stub-session.ts';

/**
 * How one guest is reached, paused and left. Everything that a link does to the guest it undoes: `resume` what `pause` did,
 * `release` everything.
 *
 * ```
 *   open ──► pause ──► stub, monitor … ──► resume ──► (pause …)
 *     └─────────┴──────────────┴───────────────┴───► release
 * ```
 *
 * @internal
 */
export interface Link {
  readonly monitor: Monitor;
  /** Where the guest is reached, for messages. */
  readonly endpoint: string;
  /** The process at the other end, proven; nothing of any other is touched, whatever QEMU names. */
  readonly peer: Peer;
  /** The monitor can be asked while the guest runs. */
  readonly asksLive: boolean;
  /** Whether the guest ran when it was last found; undefined when nobody can tell. */
  readonly ranBefore: boolean | undefined;
  /** What had to be guessed about the run state, in a sentence; empty when nothing had to. */
  readonly runStateNote: string;
  /** Makes the guest stand still and the stub ready, in physical mode. */
  pause(): Promise<StubSession>;
  /**
   * @throws GuestRunStateError `ERR_GUEST_RESUMED` when somebody else has resumed the guest since the pause: what was read is
   * torn.
   */
  checkStillPaused(): void;
  /**
   * Whether somebody else has resumed the guest, now that something has failed: the stub of a guest that runs answers anything.
   *
   * @returns the error of `checkStillPaused`, or undefined
   */
  findResumption(): Promise<Error | undefined>;
  /** Physical mode off, and the guest runs again if it ran before. The stub stays connected. */
  resume(): Promise<void>;
  /**
   * Leaves: physical mode off, socket closed, the guest runs again if it ran before, a stub of ours gone. Idempotent. A pause
   * or resume under way is waited for; a question under way fails.
   */
  release(): Promise<void>;
}
