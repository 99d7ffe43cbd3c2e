import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launchQemu, type QemuProcess } from '../../../src/testing/index.ts';
import { TortureError } from '../torture-error.ts';
import { chardevsOf, type ExaminedGuest, type GuestStanding } from './examined-guest.ts';
import { GuestPages } from './guest-pages.ts';
import { healStub, inspectStub, type StubPlace } from './raw/inspected-stub.ts';
import { RawMonitor } from './raw/raw-monitor.ts';

/** Seen from dist/scripts/torture/rig, where this file runs. */
const KERNEL = fileURLToPath(new URL('../../../kernels/long4.bin', import.meta.url));
const MEMORY_MIB = 32;

/** How a guest is started. */
export interface TortureGuestOptions {
  /** Without it QEMU has no stub, and pagewalk starts its own. Default true. */
  readonly gdb?: boolean;
  /** Its RAM is a file that can be compared. Default true; without it the RAM is QEMU's own. */
  readonly sharedMemory?: boolean;
  readonly paused?: boolean;
  /** It halts, and says no more than one round of what it sees of its tables: many of these fit on one host. Not with `sharedMemory`. */
  readonly quiet?: boolean;
  /** Where QEMU 7.2 and 10.0 must differ. */
  readonly binary?: string;
  readonly machine?: string;
  readonly memory?: string;
  /** False for a guest that never starts: an incoming migration. */
  readonly awaitReady?: boolean;
  /** `@DIR@` in them is a directory of the guest's own. */
  readonly extraArgs?: readonly string[];
}

/** A small guest (test/kernels/long4.asm) whose tables are known entry by entry, with a judge that shares no code with pagewalk. */
export class TortureGuest implements ExaminedGuest, AsyncDisposable {
  readonly qemu: QemuProcess;
  readonly monitor: RawMonitor;
  readonly pages: GuestPages | undefined;
  readonly #hasStub: boolean;
  readonly #directory: string;

  private constructor(parts: {
    readonly qemu: QemuProcess;
    readonly monitor: RawMonitor;
    readonly pages: GuestPages | undefined;
    readonly hasStub: boolean;
    readonly directory: string;
  }) {
    this.qemu = parts.qemu;
    this.monitor = parts.monitor;
    this.pages = parts.pages;
    this.#hasStub = parts.hasStub;
    this.#directory = parts.directory;
  }

  static async start(options: TortureGuestOptions = {}): Promise<TortureGuest> {
    const shared = options.sharedMemory ?? true;
    const hasStub = options.gdb ?? true;
    const directory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'torture-'));
    const ram = shared ? join(directory, 'ram') : undefined;
    const machine = options.machine ?? 'pc';
    const starts = options.paused !== true && options.awaitReady !== false;
    let qemu: QemuProcess | undefined;
    try {
      qemu = await launchQemu({
        kernel: KERNEL,
        cpu: 'max',
        accel: 'tcg',
        memory: options.memory ?? `${MEMORY_MIB}M`,
        machine: ram === undefined ? machine : `${machine},memory-backend=ram0`,
        gdb: hasStub,
        ...(options.binary === undefined ? {} : { binary: options.binary }),
        ...(options.paused === undefined ? {} : { paused: options.paused }),
        ...(options.quiet === true ? { append: 'quiet' } : {}),
        startTimeoutMs: 60_000,
        ...(starts ? { ready: /^ready long4$/ } : {}),
        extraArgs: [
          ...(ram === undefined
            ? []
            : ['-object', `memory-backend-file,id=ram0,size=${MEMORY_MIB}M,share=on,mem-path=${ram}`]),
          ...(options.extraArgs ?? []).map((text) => text.replaceAll('@DIR@', directory)),
        ],
      });
      const monitor = await RawMonitor.open(qemu.witnessEndpoint.slice('unix:'.length));
      const { console } = qemu;
      const tick = () => console.waitForNextLine((line) => line.startsWith('tick '), 60_000);
      const pages = ram === undefined || !starts ? undefined : await GuestPages.learn(ram, tick);
      return new TortureGuest({ qemu, monitor, pages, hasStub, directory });
    } catch (error) {
      await qemu?.stop();
      rmSync(directory, { recursive: true });
      throw error;
    }
  }

  get qmpPath(): string {
    return this.qemu.qmpEndpoint.slice('unix:'.length);
  }

  get endpoint(): string {
    return this.qemu.qmpEndpoint;
  }

  /** The stub's socket; undefined where pagewalk has to start one. */
  get gdbPath(): string | undefined {
    return this.#hasStub ? this.qemu.gdbEndpoint.slice('unix:'.length) : undefined;
  }

  async bring(to: 'running' | 'paused'): Promise<void> {
    await this.monitor.execute(to === 'running' ? 'cont' : 'stop');
  }

  async standing(): Promise<GuestStanding> {
    return { runState: await this.monitor.runState(), chardevs: await this.chardevs() };
  }

  chardevs(): Promise<readonly string[]> {
    return chardevsOf(this.monitor);
  }

  inspectStub(): Promise<readonly string[]> {
    return inspectStub(this.monitor, this.#place);
  }

  async heal(): Promise<void> {
    await healStub(this.monitor, this.#place);
    await this.pages?.putBack();
    await this.monitor.execute('cont');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.monitor[Symbol.asyncDispose]();
    await this.qemu.stop();
    rmSync(this.#directory, { recursive: true });
  }

  get #place(): StubPlace {
    return { path: this.gdbPath ?? join(this.qemu.directory, 'inspection'), isThere: this.#hasStub };
  }
}

/** @throws TortureError when there is none: the caller chose the wrong guest */
export function stubOf(guest: TortureGuest): string {
  if (guest.gdbPath === undefined) throw new TortureError('this guest has no stub');
  return guest.gdbPath;
}
