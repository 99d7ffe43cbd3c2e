import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { QemuVersion } from '../../../src/paging/index.ts';
import { launchQemu, type QemuProcess } from '../../../src/testing/index.ts';
import { Witness } from '../../support/witness.ts';
import { HostMemory } from './host-memory.ts';
import {
  ARENA_BYTES,
  ARENA_OFFSET,
  DIMM_DIRECTORY,
  HIGH_ALIAS,
  HOME_ROOT,
  IMAGE_BASE,
  KERNEL_END,
  MAILBOX,
  RAM_BYTES,
  RECORD,
  RECORDS,
  RESULT,
  RESULTS,
} from './layout.ts';
import { cpuOption, type HostMode, highMemoryBase, type SvmMachine } from './machine.ts';
import { MemoryFiles } from './memory-files.ts';

/** Seen from dist/test/conformance/nested-processor, where this file runs. */
const KERNELS = new URL('../../../kernels/', import.meta.url);
const images: Readonly<Record<HostMode, string>> = {
  '32-bit': 'svm32.bin',
  pae: 'svm-pae.bin',
  '4-level': 'svm4.bin',
  '5-level': 'svm5.bin',
};
const BATCH_TIMEOUT_MS = 120_000;
const LARGE_PAGE = 0x20_0000;
const LARGE_PAGE_32 = 0x40_0000;
/** P, RW, A, D, PS */
const LARGE_FLAGS = 0xe3;
/** The key of everything that is the kernel's, 15. */
const KERNEL_KEY = 0x7800_0000;

export interface SvmGuestOptions {
  /** QEMU's program. */
  readonly binary?: string;
}

/**
 * A QEMU in which a hypervisor of ours runs a guest of its own, again and again. Records, tables and results go to it and come
 * from it through its memory, which this process has open too. An NMI wakes it; a line on its console says that it is done.
 */
export class SvmGuest implements AsyncDisposable {
  readonly machine: SvmMachine;
  readonly memory: HostMemory;
  readonly version: QemuVersion;
  readonly #qemu: QemuProcess;
  readonly #witness: Witness;
  readonly #files: MemoryFiles;

  private constructor(parts: {
    readonly machine: SvmMachine;
    readonly memory: HostMemory;
    readonly version: QemuVersion;
    readonly qemu: QemuProcess;
    readonly witness: Witness;
    readonly files: MemoryFiles;
  }) {
    this.machine = parts.machine;
    this.memory = parts.memory;
    this.version = parts.version;
    this.#qemu = parts.qemu;
    this.#witness = parts.witness;
    this.#files = parts.files;
  }

  static async launch(machine: SvmMachine, options: SvmGuestOptions = {}): Promise<SvmGuest> {
    const highBase = highMemoryBase(machine);
    const names = highBase === null ? ['low'] : ['low', 'high'];
    const files = MemoryFiles.create(names);
    try {
      const kernel = fileURLToPath(new URL(images[machine.hostMode], KERNELS));
      const qemu = await launchQemu({
        ...options,
        kernel,
        cpu: cpuOption(machine),
        machine: 'pc,memory-backend=low',
        memory: highBase === null ? '64M' : `64M,slots=1,maxmem=${highBase / 2 ** 20}M`,
        // The default of 1 GiB for translated code is more than a machine for tests may have.
        accel: 'tcg,tb-size=64',
        gdb: false,
        extraArgs: [...memoryArguments(files, names, highBase), '-no-reboot'],
      });
      return await SvmGuest.#start(qemu, machine, readFileSync(kernel), files);
    } catch (error) {
      files[Symbol.dispose]();
      throw error;
    }
  }

  static async #start(qemu: QemuProcess, machine: SvmMachine, image: Buffer, files: MemoryFiles): Promise<SvmGuest> {
    try {
      files.unlink();
      const said = await qemu.console.waitForLine((line) => /^(ready|fail|exception) /.test(line), BATCH_TIMEOUT_MS);
      if (!said.startsWith('ready ')) throw new Error(`the hypervisor said: ${said}`);
      const highBase = highMemoryBase(machine);
      if (highBase !== null) mapHighMemory(image, machine.hostMode, highBase);
      const witness = await Witness.of(qemu);
      const { qemu: version } = (await witness.execute('query-version')) as {
        qemu: Record<'major' | 'minor' | 'micro', number>;
      };
      const memory = new HostMemory(highBase, image);
      const parts = { machine, memory, qemu, witness, files };
      const guest = new SvmGuest({ ...parts, version: [version.major, version.minor, version.micro] });
      files.write(0, HOME_ROOT, image.subarray(HOME_ROOT - IMAGE_BASE));
      // The firmware left its own there.
      files.write(0, KERNEL_END, Buffer.alloc(RAM_BYTES - KERNEL_END));
      return guest;
    } catch (error) {
      await qemu.stop();
      throw error;
    }
  }

  /** Nobody here uses it: for a test that looks at the hypervisor's guest while it runs. */
  get qmpEndpoint(): string {
    return this.#qemu.qmpEndpoint;
  }

  /** Where the hypervisor sees physical memory. */
  seenAt(address: number): number {
    if (address < RAM_BYTES) return address;
    return HIGH_ALIAS + (address - (this.memory.highBase ?? 0));
  }

  /** Has the hypervisor make the runs of all records on the memory as it is in {@link memory}. */
  async run(records: Buffer): Promise<Buffer> {
    const count = records.length / RECORD.size;
    this.#files.write(0, RECORDS, records);
    this.#files.write(0, RESULTS, Buffer.alloc(count * RESULT.size));
    for (const [at, { bytes }] of this.memory.arenas.entries()) this.#files.write(at, ARENA_OFFSET, bytes);
    const mailbox = Buffer.alloc(12);
    mailbox.writeUInt32LE(count, 0);
    mailbox.writeUInt32LE(RECORDS, 4);
    mailbox.writeUInt32LE(RESULTS, 8);
    this.#files.write(0, MAILBOX, mailbox);
    const end = this.#qemu.console.waitForNextLine((line) => /^(done|exception)/.test(line), BATCH_TIMEOUT_MS);
    const [said] = await Promise.all([end, this.#witness.execute('inject-nmi')]);
    if (said !== 'done') throw new Error(`the hypervisor said: ${said}`);
    return this.results(count);
  }

  /** Eight bytes of the low memory as they are now, whatever runs. */
  peek(address: number): bigint {
    return this.#files.read(0, address, 8).readBigUInt64LE();
  }

  /** Changes eight bytes of the low memory under whatever runs: no code, of which the translator would not know. */
  poke(address: number, value: bigint): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(value);
    this.#files.write(0, address, bytes);
  }

  results(count: number): Buffer {
    return this.#files.read(0, RESULTS, count * RESULT.size);
  }

  /** What in the test's memory is not as it was before the runs, in words, or null. */
  findChange(): string | null {
    for (const [at, { base, bytes }] of this.memory.arenas.entries()) {
      const now = this.#files.read(at, ARENA_OFFSET, ARENA_BYTES);
      if (!now.equals(bytes)) return describeChange(bytes, now, base);
    }
    return null;
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

/** Has the kernel see the high memory at HIGH_ALIAS: large pages in tables that it left for that. */
function mapHighMemory(image: Buffer, mode: HostMode, highBase: number): void {
  if (mode === '32-bit') {
    for (let region = 0; region < RAM_BYTES / LARGE_PAGE_32; region++) {
      const entry = (region * LARGE_PAGE_32) | ((highBase / 2 ** 32) << 13) | LARGE_FLAGS;
      image.writeUInt32LE(entry >>> 0, HOME_ROOT - IMAGE_BASE + (HIGH_ALIAS / LARGE_PAGE_32 + region) * 4);
    }
    return;
  }
  for (let region = 0; region < RAM_BYTES / LARGE_PAGE; region++) {
    const offset = DIMM_DIRECTORY - IMAGE_BASE + region * 8;
    image.writeUInt32LE((region * LARGE_PAGE) | LARGE_FLAGS, offset);
    image.writeUInt32LE(((highBase / 2 ** 32) | (mode === 'pae' ? 0 : KERNEL_KEY)) >>> 0, offset + 4);
  }
}
