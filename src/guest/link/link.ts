import type { AbandonSignal } from '../../../protocols/transport/index.ts';
import type { UnavailableCause } from '../causes/unavailable-cause.ts';
import type { DeviceStateFile } from '../monitor/device-state-file.ts';
import type { Monitor, MonitorCpu } from '../monitor/monitor.ts';
import type { Peer } from '../peer/peer.ts';
import type { StubSession } from '../stub/stub-session.ts';
import type { Processor } from '../vcpu/processor.ts';
import type { Recovery } from './recover.ts';

/** How a guest is let run. @internal */
export interface RunOptions {
  /** Linear addresses at which it stops; gone when it has. */
  readonly breakpoints: readonly bigint[];
  /** It is stopped when it has run for so long. */
  readonly timeoutMs: number;
  /** Stops it early. */
  readonly signal?: AbandonSignal;
  /** Only this vCPU runs, for one instruction. */
  readonly step?: number;
}

/** Why a guest that was let run is paused again. @internal */
export interface GuestRun {
  /** The vCPU that stopped; undefined where the stub does not tell. */
  readonly cpu: number | undefined;
  /** `stopped`: by QEMU, in another state than at a breakpoint. */
  readonly reason: 'breakpoint' | 'time-is-up' | 'stopped';
}

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
  /** Whether the guest ran when it was last found; undefined when it cannot be told. */
  readonly ranBefore: boolean | undefined;
  /** Why the run state before the pause is assumed; null where it is known. */
  readonly runStateCause: UnavailableCause | null;
  /** What earlier clients had left in the guest, and this one has put back. */
  readonly recoveries: readonly Recovery[];
  /**
   * The stub of the pause is proven to be that of the monitor's own QEMU. One that the caller named may be another's by mistake: what must
   * hold of the QEMU that is told to save its device state is not asked there.
   */
  readonly isStubProven: boolean;
  /** The vCPUs, as they were when the link was opened. */
  firstCpus(): Promise<readonly MonitorCpu[]>;
  /**
   * What never changes of its processors.
   *
   * @param qomPath - of a vCPU, where it is known
   */
  firstProcessor(qomPath: string | undefined): Promise<Processor>;
  /** The memory map as it was then, in the monitor's words; null where the guest would wait for them. */
  firstViews(): Promise<string> | null;
  /** Pauses the guest and makes the stub ready, in physical mode. */
  pause(): Promise<StubSession>;
  /** What QEMU writes its device state into; made when it is first asked for. @throws the system's error. */
  deviceStateFile(): DeviceStateFile | Promise<DeviceStateFile>;
  /** The registers of the paused guest have been read: by them a later client knows this pause. */
  noteRegisters(text: string): void;
  /**
   * @throws GuestRunStateError `ERR_GUEST_RESUMED` when another client has resumed the guest since the pause, or
   * `ERR_GUEST_PAUSE_TOO_LONG` when the pause was ended: what was read is torn.
   */
  checkStillPaused(): void;
  /** Lets in the news that `checkStillPaused` goes by. */
  hearNews(): Promise<void>;
  /**
   * Whether another client has resumed the guest, now that something has failed: the stub of a running guest answers anything.
   *
   * @returns the error of `checkStillPaused`, or undefined
   */
  findResumption(): Promise<Error | undefined>;
  /**
   * Lets the guest, which is paused by this link, run, and waits until it is paused again.
   *
   * @throws GuestUsageError `ERR_GUEST_USAGE` where run state is not exact; the errors of the GDB client.
   */
  run(options: RunOptions): Promise<GuestRun>;
  /** Physical mode off, and the guest runs again if it ran before. The stub stays connected. */
  resume(): Promise<void>;
  /**
   * Leaves: physical mode off, socket closed, the guest runs again if it ran before, a stub of ours gone. Idempotent. A pause
   * or resume under way is waited for; a question under way fails.
   */
  release(): Promise<void>;
}
