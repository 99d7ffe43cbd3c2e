import type { QemuVersion } from '../../../src/paging/index.ts';
import { RECORDS, RESULTS } from '../processor-rig/layout.ts';
import type { PagedMode } from '../processor-rig/paged-mode.ts';
import { type ArenaRange, RigGuest, type RigOptions } from '../processor-rig/rig-guest.ts';
import { ARENA_BYTES, RECORD, RESULT } from './layout.ts';
import { cpuOption, type SvmMachine } from './machine.ts';
import { HostMemory } from './tables/host-memory.ts';

const images: Readonly<Record<PagedMode, string>> = {
  '32-bit': 'svm32.bin',
  pae: 'svm-pae.bin',
  '4-level': 'svm4.bin',
  '5-level': 'svm5.bin',
};
const WHOLE_ARENA: ArenaRange = [0, ARENA_BYTES];

/** A QEMU in which a hypervisor of ours runs a guest of its own, again and again. */
export class SvmGuest implements AsyncDisposable {
  readonly machine: SvmMachine;
  readonly #rig: RigGuest<HostMemory>;

  private constructor(machine: SvmMachine, rig: RigGuest<HostMemory>) {
    this.machine = machine;
    this.#rig = rig;
  }

  static async launch(machine: SvmMachine, options: RigOptions = {}): Promise<SvmGuest> {
    const { hostMode: mode, maxPhyAddr } = machine;
    const kernel = {
      name: 'the hypervisor',
      image: images[mode],
      reach: { mode, maxPhyAddr },
      cpu: cpuOption(machine),
      makeMemory: (highBase: number | null, image: Buffer) => new HostMemory(highBase, image),
    };
    return new SvmGuest(machine, await RigGuest.launch(kernel, options));
  }

  get memory(): HostMemory {
    return this.#rig.memory;
  }

  get version(): QemuVersion {
    return this.#rig.version;
  }

  /** Not used here: for a test that looks at the hypervisor's guest while it runs. */
  get qmpEndpoint(): string {
    return this.#rig.qmpEndpoint;
  }

  /** Has the hypervisor make the runs of all records on the memory as it is in {@link memory}. */
  async run(records: Buffer, timeoutMs?: number): Promise<Buffer> {
    const count = records.length / RECORD.size;
    this.#rig.write(RECORDS, records);
    this.#rig.write(RESULTS, Buffer.alloc(count * RESULT.size));
    this.#rig.writeArenas(WHOLE_ARENA);
    await this.#rig.run({ count, records: RECORDS, results: RESULTS }, timeoutMs);
    return this.results(count);
  }

  /** Eight bytes of the low memory as they are now, whatever runs. */
  peek(address: number): bigint {
    return this.#rig.read(address, 8).readBigUInt64LE();
  }

  /** Any bytes of it. */
  read(address: number, length: number): Buffer {
    return this.#rig.read(address, length);
  }

  /** Changes eight bytes of the low memory under whatever runs: no code, of which the translator would not know. */
  poke(address: number, value: bigint): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(value);
    this.#rig.write(address, bytes);
  }

  results(count: number): Buffer {
    return this.#rig.read(RESULTS, count * RESULT.size);
  }

  /** What in the test's memory is not as it was before the runs, in words, or null. */
  findChange(): string | null {
    return this.#rig.findChange([WHOLE_ARENA]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#rig[Symbol.asyncDispose]();
  }
}
