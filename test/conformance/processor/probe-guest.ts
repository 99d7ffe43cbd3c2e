import {
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { QemuVersion } from '../../../src/paging/index.ts';
import { launchQemu, type QemuProcess } from '../../../src/testing/index.ts';
import { Witness } from '../../support/witness.ts';
import { GuestMemory } from './guest-memory.ts';
import {
  ARENA_OFFSET,
  BATCH_STRIDE,
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
  TABLES_HALF_BYTES,
  TABLES_OFFSET,
} from './layout.ts';
import { cpuOption, highMemoryBase, type ProbeMachine, type ProbeMode } from './machine.ts';

/** Seen from dist/test/conformance/processor, where this file runs. */
const KERNELS = new URL('../../../kernels/', import.meta.url);
const images: Readonly<Record<ProbeMode, string>> = {
  '32-bit': 'probe32.bin',
  pae: 'probe-pae.bin',
  '4-level': 'probe4.bin',
  '5-level': 'probe5.bin',
};
const BATCH_TIMEOUT_MS = 120_000;
const DIMM_LARGE_PAGE = 0x20_0000;
/** P, RW, A, D, PS; no key is needed, as the kernel's is in the high half. */
const DIMM_FLAGS = 0xe3;
const KERNEL_KEY = 0x7800_0000;

export interface ProbeGuestOptions {
  /** QEMU's program. */
  readonly binary?: string;
}

/**
 * A QEMU that makes probes. Its memory is files that this process has open too: records, tables and results go there and come
 * from there at the speed of memory, while the guest sleeps. An NMI wakes it; a line on its console says that it is done.
 */
export class ProbeGuest implements AsyncDisposable {
  readonly memory: GuestMemory;
  readonly version: QemuVersion;
  readonly #qemu: QemuProcess;
  readonly #witness: Witness;
  readonly #ram: readonly number[];

  private constructor(parts: {
    readonly memory: GuestMemory;
    readonly version: QemuVersion;
    readonly qemu: QemuProcess;
    readonly witness: Witness;
    readonly ram: readonly number[];
  }) {
    this.memory = parts.memory;
    this.version = parts.version;
    this.#qemu = parts.qemu;
    this.#witness = parts.witness;
    this.#ram = parts.ram;
  }

  static async launch(machine: ProbeMachine, options: ProbeGuestOptions = {}): Promise<ProbeGuest> {
    const directory = mkdtempSync(join(memoryDirectory(), 'pagewalk-probe-'));
    const ram: number[] = [];
    try {
      const highBase = highMemoryBase(machine);
      const files = (highBase === null ? ['low'] : ['low', 'high']).map((name) => join(directory, name));
      for (const file of files) ram.push(createMemoryFile(file));
      const kernel = fileURLToPath(new URL(images[machine.mode], KERNELS));
      const qemu = await launchQemu({
        ...options,
        kernel,
        cpu: cpuOption(machine),
        machine: 'pc,memory-backend=low',
        memory: highBase === null ? '64M' : `64M,slots=1,maxmem=${highBase / 2 ** 20}M`,
        // The default of 1 GiB for translated code is more than a machine for tests may have.
        accel: 'tcg,tb-size=64',
        gdb: false,
        extraArgs: [...memoryArguments(files, highBase), ...addressLimitArguments(machine), '-no-reboot'],
      });
      return await ProbeGuest.#start(qemu, machine, readFileSync(kernel), ram);
    } catch (error) {
      ram.forEach(closeSync);
      throw error;
    } finally {
      // QEMU and this process keep what they have open.
      rmSync(directory, { recursive: true });
    }
  }

  static async #start(
    qemu: QemuProcess,
    machine: ProbeMachine,
    image: Buffer,
    ram: readonly number[],
  ): Promise<ProbeGuest> {
    try {
      const said = await qemu.console.waitForLine((line) => /^(ready|fail) /.test(line), BATCH_TIMEOUT_MS);
      if (!said.startsWith('ready ')) throw new Error(`the probe kernel said: ${said}`);
      const highBase = highMemoryBase(machine);
      if (highBase !== null) mapHighMemory(image, machine.mode, highBase);
      const witness = await Witness.of(qemu);
      const { qemu: version } = (await witness.execute('query-version')) as {
        qemu: Record<'major' | 'minor' | 'micro', number>;
      };
      const memory = new GuestMemory(highBase, image);
      const guest = new ProbeGuest({
        memory,
        version: [version.major, version.minor, version.micro],
        qemu,
        witness,
        ram,
      });
      guest.#write(0, HOME_ROOT, image.subarray(HOME_ROOT - IMAGE_BASE));
      guest.repair();
      return guest;
    } catch (error) {
      await qemu.stop();
      throw error;
    }
  }

  /** Puts a batch's records and tables into the guest's memory. The guest may be busy with the other half meanwhile. */
  prepare(half: 0 | 1, records: Buffer): void {
    this.#write(0, RECORDS + half * BATCH_STRIDE, records);
    this.#write(0, RESULTS + half * BATCH_STRIDE, Buffer.alloc((records.length / RECORD.size) * RESULT.size));
    const start = TABLES_OFFSET + half * TABLES_HALF_BYTES;
    for (const [at, { bytes }] of this.memory.arenas.entries()) {
      this.#write(at, ARENA_OFFSET + start, bytes.subarray(start, start + TABLES_HALF_BYTES));
    }
  }

  /** Has the guest make the probes that were prepared. */
  async run(half: 0 | 1, count: number): Promise<void> {
    const mailbox = Buffer.alloc(12);
    mailbox.writeUInt32LE(count, 0);
    mailbox.writeUInt32LE(RECORDS + half * BATCH_STRIDE, 4);
    mailbox.writeUInt32LE(RESULTS + half * BATCH_STRIDE, 8);
    this.#write(0, MAILBOX, mailbox);
    const done = this.#qemu.console.waitForNextLine((line) => line === 'done', BATCH_TIMEOUT_MS);
    await Promise.all([done, this.#witness.execute('inject-nmi')]);
  }

  results(half: 0 | 1, count: number): Buffer {
    return this.#read(0, RESULTS + half * BATCH_STRIDE, count * RESULT.size);
  }

  /** What is not as it was before a batch, in words, or null. Pages and one half of the tables are looked at. */
  findChange(half: 0 | 1): string | null {
    const ranges: readonly (readonly [number, number])[] = [
      [0, TABLES_OFFSET],
      [TABLES_OFFSET + half * TABLES_HALF_BYTES, TABLES_HALF_BYTES],
    ];
    for (const [at, { base, bytes }] of this.memory.arenas.entries()) {
      for (const [start, length] of ranges) {
        const now = this.#read(at, ARENA_OFFSET + start, length);
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
    this.#write(0, KERNEL_END, Buffer.alloc(ARENA_OFFSET - KERNEL_END));
    for (const [at, { bytes }] of this.memory.arenas.entries()) this.#write(at, ARENA_OFFSET, bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#witness[Symbol.asyncDispose]();
    await this.#qemu.stop();
    this.#ram.forEach(closeSync);
  }

  #write(memory: number, offset: number, bytes: Buffer): void {
    const written = writeSync(this.#fileOf(memory), bytes, 0, bytes.length, offset);
    if (written !== bytes.length) throw new Error(`only ${written} of ${bytes.length} bytes fit the guest's memory`);
  }

  #read(memory: number, offset: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    readSync(this.#fileOf(memory), bytes, 0, length, offset);
    return bytes;
  }

  #fileOf(memory: number): number {
    const file = this.#ram[memory];
    if (file === undefined) throw new RangeError(`the guest has no memory ${memory}`);
    return file;
  }
}

function describeChange(before: Buffer, now: Buffer, base: number): string {
  const first = now.findIndex((byte, index) => byte !== before[index]);
  const unit = first - (first % 8);
  const [old, fresh] = [before, now].map((bytes) => `0x${bytes.readBigUInt64LE(unit).toString(16)}`);
  return `memory at 0x${(base + unit).toString(16)} was ${old} and is ${fresh}`;
}

/** A file system in memory, where there is one: the guest's memory need not go to a disk. */
function memoryDirectory(): string {
  return statSync('/dev/shm', { throwIfNoEntry: false })?.isDirectory() ? '/dev/shm' : tmpdir();
}

function createMemoryFile(path: string): number {
  const file = openSync(path, 'wx+', 0o600);
  ftruncateSync(file, RAM_BYTES);
  return file;
}

function memoryArguments(files: readonly string[], highBase: number | null): string[] {
  const objects = files.flatMap((file, at) => {
    const id = at === 0 ? 'low' : 'high';
    return [
      '-object',
      `memory-backend-file,id=${id},size=${RAM_BYTES},mem-path=${file.replaceAll(',', ',,')},share=on`,
    ];
  });
  return highBase === null ? objects : [...objects, '-device', `pc-dimm,memdev=high,addr=${highBase}`];
}

/** QEMU 10 refuses a processor whose addresses end below the place that it keeps for 64-bit PCI. */
function addressLimitArguments({ maxPhyAddr }: ProbeMachine): string[] {
  return maxPhyAddr > 33 ? [] : ['-global', 'i440FX-pcihost.pci-hole64-size=0'];
}

/** Has the kernel see the high memory at HIGH_ALIAS between probes: large pages in tables that it left for that. */
function mapHighMemory(image: Buffer, mode: ProbeMode, highBase: number): void {
  if (mode === '32-bit') {
    for (let region = 0; region < RAM_BYTES / 0x40_0000; region++) {
      const entry = (region * 0x40_0000) | ((highBase / 2 ** 32) << 13) | DIMM_FLAGS;
      image.writeUInt32LE(entry >>> 0, HOME_ROOT - IMAGE_BASE + (HIGH_ALIAS / 0x40_0000 + region) * 4);
    }
    return;
  }
  for (let region = 0; region < RAM_BYTES / DIMM_LARGE_PAGE; region++) {
    const offset = DIMM_DIRECTORY - IMAGE_BASE + region * 8;
    image.writeUInt32LE((region * DIMM_LARGE_PAGE) | DIMM_FLAGS, offset);
    image.writeUInt32LE(((highBase / 2 ** 32) | (mode === 'pae' ? 0 : KERNEL_KEY)) >>> 0, offset + 4);
  }
}
