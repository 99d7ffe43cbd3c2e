import type { TortureGuest } from '../rig/torture-guest.ts';
import type { HostilePeer } from './hostile-peer.ts';
import type { Treasure } from './treasure.ts';

/** What a scenario has to work with. */
export interface HostileRig {
  readonly guest: TortureGuest;
  /** Another QEMU on this host, which is none of the peer's business. */
  readonly other: TortureGuest;
  readonly treasure: Treasure;
  /** Where it listens for TCP. */
  readonly treasurePort: number;
}

/** A lie, a question to the liar, and what must not come of it. */
export interface HostileScenario {
  readonly name: string;
  readonly lie: string;
  readonly words: readonly string[];
  /** Only QMP is given, or the stub as well. */
  readonly reach: 'QMP' | 'QMP and the stub' | 'the stub';
  facts?(rig: HostileRig): Promise<Readonly<Record<string, string | number>>>;
  /** Paths that the client must not open, delete, hand over or connect to. */
  untouchable?(rig: HostileRig): readonly string[];
  /** Files of the peer's in the client's directories cannot be taken away by the client without harm. */
  readonly leavesFilesOfThePeer?: boolean;
  /** The client is told to wait long for each request: the peer needs that time. */
  readonly takesTime?: boolean;
  /** More to look at, besides what is looked at in every case. */
  judge?(rig: HostileRig, peer: HostilePeer): readonly string[];
}
