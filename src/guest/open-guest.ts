import type { GuestView } from './guest-view.ts';
import type { Recovery } from './link/recover.ts';
import type { Assumption } from './vcpu/assumption.ts';

/**
 * A guest that is at hand until it is left, wherever it comes from: a QEMU that we are attached to, or what never changes.
 *
 * @public
 */
export interface OpenGuest {
  /** Where it is: an endpoint, a file. */
  readonly endpoint: string;
  /** The numbers of the vCPUs: they may have gaps. */
  readonly vcpus: readonly number[];
  /** What had to be assumed about it besides what answers say. It decides no translation. */
  readonly assumed: readonly Assumption[];
  /** What can be done with a guest that runs; undefined where none does. */
  readonly running: RunningGuest | undefined;
  /** A view of one moment. A guest that runs is paused for it, until it is resumed or left. */
  look(): Promise<GuestView>;
  /** @throws GuestCpuError `ERR_GUEST_CPU`, with the range, when there is no such vCPU. */
  requireCpu(cpu: number): void;
  /** Leaves it as it was found. Idempotent; may be called at any time, also while a question is under way. */
  detach(): Promise<void>;
}

/** What can be done with a guest that runs, or was paused before. @public */
export interface RunningGuest {
  /** Whether the guest ran when it was last paused; undefined before that. */
  readonly ranBefore: boolean | undefined;
  /** For how long the guest was paused here in all, at most. A pause that is under way counts until now. */
  readonly pausedMs: number;
  /** What clients that were killed together with their watchdogs had left in the guest, and this one has put back. */
  readonly recoveries: readonly Recovery[];
  /** Asks the guest while it goes on running. @throws GuestUsageError `ERR_GUEST_USAGE` where that cannot be. */
  live(): GuestView;
  /**
   * Makes the vCPUs of the guest, which is paused, forget all translations: what was written to its page tables counts then, and A
   * and D are set anew.
   *
   * @returns false where the accelerator is not TCG: a processor goes on using what it has in its TLB
   */
  flushTranslations(): Promise<boolean>;
  /** Lets the guest run again if it ran before. The view of the pause is void. */
  resume(): Promise<void>;
  /**
   * Why something may have failed: the stub of a guest that another client has resumed answers anything.
   *
   * @returns GuestRunStateError `ERR_GUEST_RESUMED`, or undefined when none has, or that cannot be told
   */
  findResumption(): Promise<Error | undefined>;
}
