import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launchQemu, type QemuProcess } from '../../../src/testing/index.ts';
import { TortureError } from '../torture-error.ts';
import { GuestPages } from './guest-pages.ts';
import { RawMonitor } from './raw-monitor.ts';
import { RawStub } from './raw-stub.ts';

/** Seen from dist/scripts/torture/rig, where this file runs. */
const KERNEL = fileURLToPath(new URL('../../../kernels/long4.bin', import.meta.url));
const MEMORY_MIB = 32;
/** long4 maps nothing at this linear address; physically there is no RAM either, and QEMU reads zeros. */
const NOWHERE = '70000000';

/** How a guest is started. */
export interface TortureGuestOptions {
  /** Without it QEMU has no stub, and pagewalk starts its own. Default true. */
  readonly gdb?: boolean;
  /** Its RAM is a file that can be compared. Default true; without it the RAM is QEMU's own. */
  readonly sharedMemory?: boolean;
  readonly paused?: boolean;
  /** Where QEMU 7.2 and 10.0 must differ. */
  readonly binary?: string;
  readonly machine?: string;
  readonly memory?: string;
  /** False for a guest that never starts: an incoming migration. */
  readonly awaitReady?: boolean;
  /** `@DIR@` in them is a directory of the guest's own. */
  readonly extraArgs?: readonly string[];
}

/** What has to be as it was: the run state, the stub and its mode, the character devices. */
export interface GuestStanding {
  readonly runState: string;
  readonly chardevs: readonly string[];
}

/** A small guest (test/kernels/long4.asm) whose tables are known entry by entry, with a judge that shares no code with pagewalk. */
export class TortureGuest implements AsyncDisposable {
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
      const pages = ram === undefined || !starts ? undefined : await GuestPages.learn(ram, qemu);
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

  /** The stub's socket; undefined where pagewalk has to start one. */
  get gdbPath(): string | undefined {
    return this.#hasStub ? this.qemu.gdbEndpoint.slice('unix:'.length) : undefined;
  }

  /** Makes it run or pause, as a user would. */
  async bring(to: 'running' | 'paused'): Promise<void> {
    await this.monitor.execute(to === 'running' ? 'cont' : 'stop');
  }

  async standing(): Promise<GuestStanding> {
    return { runState: await this.monitor.runState(), chardevs: await this.chardevs() };
  }

  /**
   * The character devices, without what tells of their clients. QEMU keeps one nameless device (`#chrNNN`, file name `gdb`) once a
   * stub was made: that is its own, and one is all there may be.
   */
  async chardevs(): Promise<readonly string[]> {
    const list = (await this.monitor.execute('query-chardev')) as { label: string; filename: string }[];
    const own = list.filter(({ filename }) => filename === 'gdb');
    const others = list
      .filter(({ filename }) => filename !== 'gdb')
      .map(({ label, filename }) => `${label} ${filename.replace(/^disconnected:/, '').replace(/ <->.*$/, '')}`)
      .sort();
    return own.length <= 1 ? others : [...others, `${own.length} monitors of stubs`];
  }

  /**
   * What a debugger that comes now finds. It makes sure of the pause, so that looking changes nothing; the guest is left as it is.
   *
   * @returns what is wrong, or nothing
   */
  async inspectStub(): Promise<readonly string[]> {
    const before = await this.monitor.runState();
    const mayPause = before === 'running';
    if (mayPause) await this.monitor.execute('stop');
    const path = this.gdbPath ?? join(this.qemu.directory, 'inspection');
    if (!this.#hasStub) {
      const said = await this.monitor.hmp(`gdbserver unix:${path},server=on,wait=off`);
      if (/could not|error|duplicate/i.test(said)) return [`a stub cannot be started: ${said.trim()}`];
    }
    try {
      await using stub = await RawStub.open(path);
      return await this.#askStub(stub);
    } catch (error) {
      return [`a plain gdb connection fails: ${String(error)}`];
    } finally {
      if (!this.#hasStub) await this.monitor.hmp('gdbserver none');
      if (mayPause) await this.monitor.execute('cont');
    }
  }

  /** Undoes what a case left wrong, so that the next one starts from a guest that is well. */
  async heal(): Promise<void> {
    if (!this.#hasStub) await this.monitor.hmp('gdbserver none');
    await this.monitor.execute('stop');
    const path = this.gdbPath ?? join(this.qemu.directory, 'inspection');
    if (!this.#hasStub) await this.monitor.hmp(`gdbserver unix:${path},server=on,wait=off`);
    try {
      await using stub = await RawStub.open(path);
      await stub.ask('Qqemu.PhyMemMode:0');
    } finally {
      if (!this.#hasStub) await this.monitor.hmp('gdbserver none');
    }
    await this.pages?.putBack();
    await this.monitor.execute('cont');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.monitor[Symbol.asyncDispose]();
    await this.qemu.stop();
    rmSync(this.#directory, { recursive: true });
  }

  async #askStub(stub: RawStub): Promise<readonly string[]> {
    const mode = await stub.ask('qqemu.PhyMemMode', (reply) => /^[01]$/.test(reply));
    const registers = await stub.ask('g', (reply) => reply.length > 600);
    const nowhere = await stub.ask(`m${NOWHERE},8`, (reply) => /^(E..|[0-9a-f]{16})$/.test(reply));
    const problems: string[] = [];
    if (mode !== '0') problems.push('physical mode is still on');
    if (!nowhere.startsWith('E')) problems.push(`a virtual address that maps nothing reads as ${nowhere}`);
    if (registers.length < 608 * 2) problems.push(`the stub shows ${registers.length / 2} bytes of registers`);
    return problems;
  }
}

/** @throws TortureError when there is none: the caller chose the wrong guest */
export function stubOf(guest: TortureGuest): string {
  if (guest.gdbPath === undefined) throw new TortureError('this guest has no stub');
  return guest.gdbPath;
}
