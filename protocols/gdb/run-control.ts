import { type AbandonSignal, timerMs } from '../transport/internal.ts';
import { readRegisterRequest } from './commands/registers/read-register.ts';
import { readRegistersRequest } from './commands/registers/read-registers.ts';
import { writeRegisterRequest } from './commands/registers/write-register.ts';
import { breakpointRequest } from './commands/run/breakpoint.ts';
import { resumeRequest } from './commands/run/resume.ts';
import { watchpointRequest } from './commands/run/watchpoint.ts';
import { selectThreadRequest } from './commands/threads/select-thread.ts';
import { GdbArgumentError, GdbReplyError, GdbTimeoutError, GdbUnsupportedError } from './errors.ts';
import type { GdbClient } from './gdb-client.ts';
import { formatHex } from './hex.ts';
import type { GdbRequest } from './packets/request.ts';
import type { StopReply } from './packets/stop-reply.ts';
import { requireCpuIndex } from './packets/thread-id.ts';
import { requireRange } from './session/memory-requests.ts';
import type { GdbSession } from './session/session.ts';
import type { RegisterDescription, RegisterLayout } from './target-description/register-layout.ts';

/** @public */
export interface ResumeOptions {
  /**
   * How long the guest may run before it is interrupted. A vCPU that waits in HLT steps only after its next interrupt, which
   * may never come.
   */
  readonly timeoutMs: number;
  /** Interrupts the guest when it fires, as if the time were up. */
  readonly signal?: AbandonSignal;
}

// After an interrupt QEMU has only to stop its vCPUs.
const INTERRUPT_TIMEOUT_MS = 5000;
// What was asked before the guest runs is answered at once.
const INTERRUPT_RETRY_MS = 5;
const SIGNAL_INTERRUPT = 2;
// Canonical in no mode, so that no access comes to it; across the end of a page; of a size that no debug register has.
const NOWHERE = { address: 0x4000_0000_0000_0ff8n, lengthBytes: 16 } as const;

/**
 * What changes the guest beyond its memory: registers, breakpoints, and letting it run. Kept apart from {@link GdbClient}
 * so that looking at a guest can never do this by accident.
 *
 * After any run the guest's state is `debug` in QMP's words: `prelaunch` and `paused` cannot be restored exactly. QEMU
 * reports each step as RESUME and STOP to everybody who listens on QMP.
 *
 * All requests of one turn of the event loop leave in one write, in the order of the calls: registers can be written and a
 * step made in a single round trip.
 *
 * @public
 */
export class GdbRunControl {
  readonly #session: GdbSession;
  readonly #layout: RegisterLayout;
  readonly #breakpoints = new Set<bigint>();
  readonly #synchronized = new Set<number>();

  private constructor(session: GdbSession, layout: RegisterLayout) {
    this.#session = session;
    this.#layout = layout;
    session.onStop(() => this.#synchronized.clear());
  }

  /**
   * Takes control of the guest that a client is attached to.
   *
   * @throws as {@link GdbClient.layout} does: without the register layout nothing here is safe.
   */
  static async take(client: GdbClient): Promise<GdbRunControl> {
    return new GdbRunControl(client.session, await client.layout());
  }

  /** The addresses at which breakpoints are set. */
  get breakpoints(): readonly bigint[] {
    return [...this.#breakpoints];
  }

  /** Reads one register of a vCPU. @throws GdbArgumentError (`ERR_GDB_ARGUMENT`) if there is none of that name. */
  async readRegister(cpuIndex: number, name: string): Promise<bigint> {
    const [value] = await this.#onThread(cpuIndex, [readRegisterRequest(this.#register(name))]);
    return value as bigint;
  }

  /**
   * Changes registers of a vCPU, in the order given. QEMU checks nothing: no reserved bits, no consistency; after `cr4` or `efer` write `cr3`,
   * which flushes its TLB. Says OK to a segment register that it could not load. While the vCPU is not in 64-bit code, only
   * 32 bits of `cr3`, `cr4`, `efer` and the bases arrive. Read it again.
   *
   * @throws GdbArgumentError (`ERR_GDB_ARGUMENT`), GdbReplyError (`ERR_GDB_REPLY`).
   */
  async writeRegisters(cpuIndex: number, values: Iterable<readonly [name: string, value: bigint]>): Promise<void> {
    const requests = Array.from(values, ([name, value]) => writeRegisterRequest(this.#register(name), value));
    await this.#onThread(cpuIndex, requests);
  }

  /** Changes one register of a vCPU, as {@link GdbRunControl.writeRegisters} does. */
  async writeRegister(cpuIndex: number, name: string, value: bigint): Promise<void> {
    await this.writeRegisters(cpuIndex, [[name, value]]);
  }

  /** Sets a hardware breakpoint at a linear address, on all vCPUs. It outlives the connection: take it back. */
  async setBreakpoint(address: bigint): Promise<void> {
    requireRange(address, 1);
    if (this.#breakpoints.has(address)) return;
    // Noted before it is known to be set: if the reply is lost, it must be taken back all the same.
    this.#breakpoints.add(address);
    try {
      await this.#session.send(breakpointRequest('insert', address));
    } catch (error) {
      if (error instanceof GdbReplyError || error instanceof GdbUnsupportedError) this.#breakpoints.delete(address);
      throw error;
    }
  }

  /** Takes a breakpoint back that was set here. */
  async removeBreakpoint(address: bigint): Promise<void> {
    if (!this.#breakpoints.has(address)) throw new GdbArgumentError(`no breakpoint was set at 0x${formatHex(address)}`);
    await this.#session.send(breakpointRequest('remove', address));
    this.#breakpoints.delete(address);
  }

  /** Takes all breakpoints back that were set here. */
  async removeAllBreakpoints(): Promise<void> {
    await Promise.all(this.breakpoints.map((address) => this.removeBreakpoint(address)));
  }

  /**
   * Makes emulated vCPUs (TCG) forget all translations, so that what is changed in page tables counts, and A and D are set anew.
   * No register is touched: a watchpoint that crosses the end of a page flushes the TLBs of all vCPUs when it is set (QEMU's
   * `cpu_watchpoint_insert`). It is taken back in the same write.
   *
   * @returns false where the accelerator has TLBs that cannot be reached so: KVM refuses a watchpoint of this size
   */
  async flushTranslations(): Promise<boolean> {
    const { address, lengthBytes } = NOWHERE;
    const both = [watchpointRequest('insert', address, lengthBytes), watchpointRequest('remove', address, lengthBytes)];
    const [inserted, removed] = await Promise.allSettled(both.map((request) => this.#session.send(request)));
    if (inserted?.status === 'rejected') {
      const { reason } = inserted;
      if (reason instanceof GdbReplyError || reason instanceof GdbUnsupportedError) return false;
      throw reason;
    }
    if (removed?.status === 'rejected') throw removed.reason;
    return true;
  }

  /**
   * Lets one vCPU execute one instruction, while the others are paused.
   *
   * @throws GdbTimeoutError (`ERR_GDB_TIMEOUT`) if it took too long. The guest has been stopped again then, and the client can
   * be used further if its `state` is `open`.
   */
  async step(cpuIndex: number, options: ResumeOptions): Promise<StopReply> {
    requireCpuIndex(cpuIndex);
    // When a step is interrupted, QEMU takes single-step mode back from the `Hc` vCPU only. Any other would keep it, and stop
    // the guest in state `debug` after one instruction some time after it was resumed (QEMU 7.2, not 10.0).
    const [, stop] = await Promise.all([
      this.#session.send(selectThreadRequest(cpuIndex, 'run')),
      this.#resume(resumeRequest('step', cpuIndex), options),
    ]);
    return stop;
  }

  /**
   * Lets the guest run until something stops it.
   *
   * @param cpuIndex - the only vCPU to run; undefined: all.
   * @throws GdbTimeoutError (`ERR_GDB_TIMEOUT`), as for {@link GdbRunControl.step}.
   */
  async continue(cpuIndex: number | undefined, options: ResumeOptions): Promise<StopReply> {
    if (cpuIndex !== undefined) requireCpuIndex(cpuIndex);
    return this.#resume(resumeRequest('continue', cpuIndex), options);
  }

  async #resume(request: GdbRequest<StopReply>, { timeoutMs, signal }: ResumeOptions): Promise<StopReply> {
    if (!(timeoutMs > 0)) throw new GdbArgumentError(`not a time in milliseconds: ${timeoutMs}`);
    const session = this.#session;
    // It has not run, and is stopped: as if the time had been up at once.
    if (signal?.aborted === true) throw new GdbTimeoutError(request.payload, timeoutMs, true, session);
    let interrupted = false;
    const interrupt = () => {
      if (interrupted) return;
      clearTimeout(timer);
      // No byte stops a guest that does not run yet: requests before this one are still to be answered.
      interrupted = session.interrupt();
      timer = interrupted
        ? setTimeout(() => session.fail(timeoutError()), INTERRUPT_TIMEOUT_MS)
        : setTimeout(interrupt, INTERRUPT_RETRY_MS);
    };
    let timer = setTimeout(interrupt, timerMs(timeoutMs));
    signal?.addEventListener('abort', interrupt);
    const timeoutError = () => new GdbTimeoutError(request.payload, timeoutMs, interrupted, session);
    try {
      const stop = await session.send(request);
      if (interrupted && stop.kind === 'stopped' && stop.signal === SIGNAL_INTERRUPT) throw timeoutError();
      return stop;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', interrupt);
    }
  }

  #register(name: string): RegisterDescription {
    const register = this.#layout.byName.get(name);
    if (register === undefined) {
      throw new GdbArgumentError(`the ${this.#layout.architecture} layout has no register '${name}'`);
    }
    return register;
  }

  async #onThread<Result>(cpuIndex: number, requests: readonly GdbRequest<Result>[]): Promise<Result[]> {
    requireCpuIndex(cpuIndex);
    const before = [selectThreadRequest(cpuIndex), ...this.#synchronize(cpuIndex)].map((one) =>
      this.#session.send(one),
    );
    const results = Promise.all(requests.map((request) => this.#session.send(request)));
    // A vCPU that does not exist must show: the requests behind went to another one.
    await Promise.all([results, ...before]);
    return results;
  }

  /**
   * Under KVM only `g`, not `p` and `P`, makes QEMU fetch the registers from the kernel: without it `p` reads what was there
   * at some earlier stop, and what `P` writes is lost.
   */
  #synchronize(cpuIndex: number): GdbRequest<unknown>[] {
    if (this.#synchronized.has(cpuIndex)) return [];
    this.#synchronized.add(cpuIndex);
    return [readRegistersRequest(this.#layout)];
  }
}
