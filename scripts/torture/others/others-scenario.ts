import type { CommandEnd } from '../rig/command-run.ts';
import type { Sandbox } from '../rig/sandbox.ts';
import type { TortureGuest, TortureGuestOptions } from '../rig/torture-guest.ts';

/** What a scenario has to work with. */
export interface OthersRig {
  readonly guest: TortureGuest;
  readonly sandbox: Sandbox;
  /** Runs the command against the guest. */
  ask(...words: readonly string[]): Promise<CommandEnd>;
}

/** Another client at the guest, and what has to be so nevertheless. */
export interface OthersScenario {
  readonly name: string;
  readonly guest?: TortureGuestOptions;
  /** @returns what is not as it has to be */
  run(rig: OthersRig): Promise<readonly string[]>;
}
