import { GdbRunControl } from '../../protocols/gdb/index.ts';
import { KernelMemo } from '../linux/internal.ts';
import { GuestUsageError, requireCpu } from './errors.ts';
import { GuestView } from './guest-view.ts';
import type { AttachOptions } from './link/attach-options.ts';
import type { GuestRun, Link, RunOptions } from './link/link.ts';
import { PauseClock } from './link/pause-clock.ts';
import type { Recovery } from './link/recover.ts';
import type { MonitorCpu } from './monitor/monitor.ts';
import type { OpenGuest, RunningGuest } from './open-guest.ts';
import { liveSource } from './qemu/live-source.ts';
import { PausedSource, type QemuParts } from './qemu/paused-source.ts';
import type { KnownMemory } from './qemu/prepare-memory.ts';
import type { Assumption } from './vcpu/assumption.ts';
import type { Processor } from './vcpu/processor.ts';

/**
 * A live guest that we are attached to.
 *
 * @example
 * ```ts
 * const guest = await attach({ qmp: 'unix:/run/vm.qmp' });
 * try {
 *   const [answer] = await guest.whilePaused((paused) =>
 *     paused.translate([{ linearAddress: 0xffff_8000_0000_1000n, access: { write: true, user: false, exec: false } }]),
 *   );
 * } finally {
 *   await guest.detach();
 * }
 * ```
 * @public
 */
export class Guest implements OpenGuest, RunningGuest {
  readonly processor: Processor;
  /** The numbers of the vCPUs: after a hot-plug they may have gaps. */
  readonly vcpus: readonly number[];
  readonly #link: Link;
  readonly #qemu: QemuParts;
  readonly #clock = new PauseClock();
  #paused: GuestView | undefined;

  /**
   * @param memory - what has been asked of it beforehand
   * @param openedMs - when opening the link began
   * @internal Use `attach`.
   */
  constructor(
    link: Link,
    cpus: readonly MonitorCpu[],
    processor: Processor,
    options: AttachOptions,
    memory: KnownMemory,
    openedMs: number,
  ) {
    this.#link = link;
    // Connecting to a stub pauses the guest.
    if (!link.asksLive) this.#clock.begin(openedMs);
    this.#qemu = {
      ...{ link, cpus, processor },
      useHostMemory: options.hostMemory ?? true,
      allowsWrites: options.allowWrites ?? false,
      memory,
      kernels: new KernelMemo(),
    };
    this.vcpus = cpus.map(({ index }) => index);
    this.processor = processor;
  }

  /** Where the guest is reached. */
  get endpoint(): string {
    return this.#link.endpoint;
  }

  get vcpuCount(): number {
    return this.vcpus.length;
  }

  /** Whether the guest ran when it was last paused; undefined before that. */
  get ranBefore(): boolean | undefined {
    return this.#link.ranBefore;
  }

  /** For how long the guest was paused here in all, at most. A pause that is under way counts until now. */
  get pausedMs(): number {
    return this.#clock.totalMs;
  }

  /** What had to be assumed about the run state; empty when nothing had to. It decides no translation. */
  get assumed(): readonly Assumption[] {
    const { runStateCause: cause } = this.#link;
    return cause === null ? [] : [{ name: 'runState', value: 'running', cause, decides: false }];
  }

  /** What clients that were killed together with their watchdogs had left in the guest, and this one has put back. */
  get recoveries(): readonly Recovery[] {
    return this.#link.recoveries;
  }

  /** @throws GuestCpuError `ERR_GUEST_CPU`, with the range, when there is no such vCPU. */
  requireCpu(cpu: number): void {
    requireCpu(cpu, this.vcpus);
  }

  /** This guest: QEMU runs it, or has paused it. */
  get running(): RunningGuest {
    return this;
  }

  /** The same as `pause`. */
  look(): Promise<GuestView> {
    return this.pause();
  }

  /** Pauses the guest. A guest that is paused already is left alone, and stays so when resumed here. */
  async pause(): Promise<GuestView> {
    this.#clock.begin();
    const stub = await this.#link.pause();
    this.#paused?.[Symbol.dispose]();
    this.#paused = new GuestView(new PausedSource(this.#qemu, stub));
    return this.#paused;
  }

  /**
   * Asks the guest while it goes on running: registers from the monitor, memory from this host. Answers say so. Needs QMP; throw
   * the view away after the question.
   *
   * @throws GuestUsageError `ERR_GUEST_USAGE` without QMP: connecting to the stub pauses the guest. Questions throw
   * GuestMemoryError `ERR_GUEST_MEMORY` when this host does not have the guest's memory.
   */
  live(): GuestView {
    if (!this.#link.asksLive) {
      throw new GuestUsageError('a guest can be asked live only through QMP: the GDB stub pauses it');
    }
    return new GuestView(liveSource(this.#qemu));
  }

  /**
   * Why something may have failed: the stub of a guest that another client has resumed answers anything.
   *
   * @returns GuestRunStateError `ERR_GUEST_RESUMED`, or undefined when none has, or that cannot be told
   */
  findResumption(): Promise<Error | undefined> {
    return this.#link.findResumption();
  }

  /** As {@link RunningGuest.flushTranslations}. */
  async flushTranslations(): Promise<boolean> {
    const stub = await this.#link.pause();
    return (await GdbRunControl.take(stub.client)).flushTranslations();
  }

  /** Lets the guest run again if it ran before. The view of the pause is void. */
  async resume(): Promise<void> {
    this.#paused?.[Symbol.dispose]();
    await this.#link.resume();
    this.#endPause();
  }

  /** Pauses, runs `use`, and resumes, whatever happens. */
  async whilePaused<T>(use: (paused: GuestView) => Promise<T>): Promise<T> {
    let answer: T;
    try {
      answer = await use(await this.pause());
    } catch (error) {
      const reason = (await this.findResumption()) ?? error;
      // What cannot be put back now is tried again, and told, when the guest is left: why the question failed comes first.
      await this.resume().catch(() => {});
      throw reason;
    }
    await this.resume();
    return answer;
  }

  /**
   * Lets a guest that is paused here run until it stops by itself, or at a breakpoint, which are gone afterwards; it is paused
   * again then, and views of the pause before are void. For who has started the guest: it runs as by a debugger.
   *
   * @internal
   */
  async run(options: RunOptions): Promise<GuestRun> {
    this.#paused?.[Symbol.dispose]();
    this.#paused = undefined;
    return this.#link.run(options);
  }

  /** The registers of a vCPU of the guest, which is paused, by GDB's names of them. @internal */
  async readRegisters(cpu: number): Promise<ReadonlyMap<string, bigint>> {
    this.requireCpu(cpu);
    const stub = await this.#link.pause();
    return stub.client.readRegisters(cpu);
  }

  /** Changes registers of a vCPU of the guest, which is paused here, in the order given. @internal */
  async writeRegisters(cpu: number, values: readonly (readonly [name: string, value: bigint])[]): Promise<void> {
    this.requireCpu(cpu);
    const stub = await this.#link.pause();
    await (await GdbRunControl.take(stub.client)).writeRegisters(cpu, values);
  }

  /**
   * Leaves the guest as it was found: the stub's modes put back, its socket closed, the guest running if it ran before, a stub
   * of ours gone. Idempotent; may be called at any time, also while a question is under way.
   *
   * @throws GuestRunStateError `ERR_GUEST_NOT_RESTORED` when something could not be put back.
   */
  async detach(): Promise<void> {
    this.#paused?.[Symbol.dispose]();
    await this.#link.release();
    this.#endPause();
  }

  #endPause(): void {
    this.#clock.end(this.#link.ranBefore !== false);
  }
}
