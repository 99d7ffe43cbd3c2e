import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { QemuVersion } from '../../../src/paging/index.ts';
import { launchQemu, type QemuProcess } from '../../../src/testing/index.ts';
import { Witness } from '../../support/live/guest/witness.ts';
import { ARENA_OFFSET, HOME_ROOT, IMAGE_BASE, KERNEL_END, MAILBOX, RAM_BYTES } from './layout.ts';
import { highMemoryBase, mapHighMemory, type PhysicalReach } from './memory/high-memory.ts';
import { MemoryFiles } from './memory/memory-files.ts';
import type { RigMemory } from './memory/rig-memory.ts';

/** Seen from dist/test/conformance/processor-rig, where this file runs. */
const KERNELS = new URL('../../../kernels/', import.meta.url);
const BATCH_TIMEOUT_MS = 120_000;

/** A kernel that does what records say, and the machine it is for. */
export interface RigKernel<M extends RigMemory> {
  /** What to call it where it says something else than expected. */
  readonly name: string;
  /** The file in dist/kernels. */
  readonly image: string;
  readonly reach: PhysicalReach;
  /** QEMU's `-cpu`. */
  readonly cpu: string;
  readonly extraArgs?: readonly string[];
  /** Its command line. */
  readonly append?: string;
  /** What the host will know of the memory. */
  readonly makeMemory: (highBase: number | null, image: Buffer) => M;
}

export interface RigOptions {
  /** QEMU's program. */
  readonly binary?: string;
}

/** A batch for the kernel: how many records there are, where they are, and where the results go. */
export interface RigBatch {
  readonly count: number;
  readonly records: number;
  readonly results: number;
}

/** Bytes of each arena, from its start. */
export type ArenaRange = readonly [start: number, length: number];

interface RigParts<M extends RigMemory> {
  readonly kernel: RigKernel<M>;
  readonly memory: M;
  readonly version: QemuVersion;
  readonly qemu: QemuProcess;
  readonly witness: Witness;
  readonly files: MemoryFiles;
}

/**
 * A QEMU whose kernel does what records say. Its memory is files that this process has open too: records, tables and results go
 * there and come from there at the speed of memory, while the guest sleeps. An NMI wakes it; a line on its console says that it
 * is done.
 */
export class RigGuest<M extends RigMemory> implements AsyncDisposable {
  readonly memory: M;
  readonly version: QemuVersion;
  readonly #kernel: RigKernel<M>;
  readonly #qemu: QemuProcess;
  readonly #witness: Witness;
  readonly #files: MemoryFiles;

  private constructor(parts: RigParts<M>) {
    this.memory = parts.memory;
    this.version = parts.version;
    this.#kernel = parts.kernel;
    this.#qemu = parts.qemu;
    this.#witness = parts.witness;
    this.#files = parts.files;
  }

  /** Starts a kernel, and waits until it is ready for a batch. */
  static async launch<M extends RigMemory>(kernel: RigKernel<M>, options: RigOptions = {}): Promise<RigGuest<M>> {
    const highBase = highMemoryBase(kernel.reach);
    const names = highBase === null ? ['low'] : ['low', 'high'];
    const files = MemoryFiles.create(names);
    try {
      const image = fileURLToPath(new URL(kernel.image, KERNELS));
      const qemu = await launchQemu({
        ...options,
        kernel: image,
        cpu: kernel.cpu,
        ...(kernel.append === undefined ? {} : { append: kernel.append }),
        machine: 'pc,memory-backend=low',
        memory: highBase === null ? '64M' : `64M,slots=1,maxmem=${highBase / 2 ** 20}M`,
        // The default of 1 GiB for translated code is more than a machine for tests may have.
        accel: 'tcg,tb-size=64',
        gdb: false,
        ...{ ready: /^ready /, failOn: /^(fail|exception) /, readyTimeoutMs: BATCH_TIMEOUT_MS },
        extraArgs: [...memoryArguments(files, names, highBase), ...(kernel.extraArgs ?? []), '-no-reboot'],
      });
      return await RigGuest.#start(kernel, qemu, readFileSync(image), files);
    } catch (error) {
      files[Symbol.dispose]();
      throw error;
    }
  }

  static async #start<M extends RigMemory>(
    kernel: RigKernel<M>,
    qemu: QemuProcess,
    image: Buffer,
    files: MemoryFiles,
  ): Promise<RigGuest<M>> {
    try {
      files.unlink();
      const highBase = highMemoryBase(kernel.reach);
      if (highBase !== null) mapHighMemory(image, kernel.reach.mode, highBase);
      const witness = await Witness.of(qemu);
      const { qemu: version } = (await witness.execute('query-version')) as {
        qemu: Record<'major' | 'minor' | 'micro', number>;
      };
      const memory = kernel.makeMemory(highBase, image);
      const parts = { kernel, memory, qemu, witness, files };
      const guest = new RigGuest({ ...parts, version: [version.major, version.minor, version.micro] });
      files.write(0, HOME_ROOT, image.subarray(HOME_ROOT - IMAGE_BASE));
      guest.repair();
      return guest;
    } catch (error) {
      await qemu.stop();
      throw error;
    }
  }

  /** Not used here: for a test that looks at the guest while it runs. */
  get qmpEndpoint(): string {
    return this.#qemu.qmpEndpoint;
  }

  /**
   * Has the kernel do what the records of a batch say.
   *
   * @param timeoutMs - longer for a batch that ends when a test lets it
   */
  async run({ count, records, results }: RigBatch, timeoutMs = BATCH_TIMEOUT_MS): Promise<void> {
    const mailbox = Buffer.alloc(12);
    mailbox.writeUInt32LE(count, 0);
    mailbox.writeUInt32LE(records, 4);
    mailbox.writeUInt32LE(results, 8);
    this.write(MAILBOX, mailbox);
    const end = this.#qemu.console.waitForNextLine((line) => /^(done|exception)/.test(line), timeoutMs);
    const [said] = await Promise.all([end, this.#witness.execute('inject-nmi')]);
    if (said !== 'done') throw new Error(`${this.#kernel.name} said: ${said}`);
  }

  /** What the human monitor's `info registers` says. */
  registers(): Promise<string> {
    return this.#witness.hmp('info registers');
  }

  /** Writes the low memory. */
  write(address: number, bytes: Buffer): void {
    this.#files.write(0, address, bytes);
  }

  /** Reads the low memory as it is now, whatever runs. */
  read(address: number, length: number): Buffer {
    return this.#files.read(0, address, length);
  }

  /** Puts bytes of the arenas into the guest's memory as {@link memory} has them. */
  writeArenas([start, length]: ArenaRange): void {
    for (const [at, { bytes }] of this.memory.arenas.entries()) {
      this.#files.write(at, ARENA_OFFSET + start, bytes.subarray(start, start + length));
    }
  }

  /** What of these bytes of the arenas is not as {@link memory} has it, in words, or null. */
  findChange(ranges: readonly ArenaRange[]): string | null {
    for (const [at, { base, bytes }] of this.memory.arenas.entries()) {
      for (const [start, length] of ranges) {
        const now = this.#files.read(at, ARENA_OFFSET + start, length);
        const before = bytes.subarray(start, start + length);
        if (!now.equals(before)) return describeChange(before, now, base + start);
      }
    }
    return null;
  }

  /**
   * Makes the guest's memory what the host takes it for: the firmware left its own there, and probes that did otherwise than
   * expected may have stored anywhere.
   */
  repair(): void {
    this.write(KERNEL_END, Buffer.alloc(RAM_BYTES - KERNEL_END));
    for (const [at, { bytes }] of this.memory.arenas.entries()) this.#files.write(at, ARENA_OFFSET, bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#witness[Symbol.asyncDispose]();
    await this.#qemu.stop();
    this.#files[Symbol.dispose]();
  }
}

function describeChange(before: Buffer, now: Buffer, base: number): string {
  const first = now.findIndex((byte, index) => byte !== before[index]);
  const unit = first - (first % 8);
  const [old, fresh] = [before, now].map((bytes) => `0x${bytes.readBigUInt64LE(unit).toString(16)}`);
  return `memory at 0x${(base + unit).toString(16)} was ${old} and is ${fresh}`;
}

function memoryArguments(files: MemoryFiles, names: readonly string[], highBase: number | null): string[] {
  const objects = names.flatMap((name) => [
    '-object',
    `memory-backend-file,id=${name},size=${RAM_BYTES},mem-path=${files.pathOption(name)},share=on`,
  ]);
  return highBase === null ? objects : [...objects, '-device', `pc-dimm,memdev=high,addr=${highBase}`];
}
