import type { QemuVersion } from '../../../src/paging/index.ts';
import { RECORDS, RESULTS } from '../processor-rig/layout.ts';
import type { PagedMode } from '../processor-rig/paged-mode.ts';
import { type ArenaRange, RigGuest, type RigOptions } from '../processor-rig/rig-guest.ts';
import { GuestMemory } from './guest-memory.ts';
import { BATCH_STRIDE, RECORD, RESULT, TABLES_HALF_BYTES, TABLES_OFFSET } from './layout.ts';
import { cpuOption, type ProbeMachine } from './machine.ts';

const images: Readonly<Record<PagedMode, string>> = {
  '32-bit': 'probe32.bin',
  pae: 'probe-pae.bin',
  '4-level': 'probe4.bin',
  '5-level': 'probe5.bin',
};

/** A QEMU that makes probes, in batches of two kinds: while one is made the other can be prepared. */
export class ProbeGuest implements AsyncDisposable {
  readonly #rig: RigGuest<GuestMemory>;

  private constructor(rig: RigGuest<GuestMemory>) {
    this.#rig = rig;
  }

  static async launch(machine: ProbeMachine, options: RigOptions = {}): Promise<ProbeGuest> {
    const kernel = {
      name: 'the probe kernel',
      image: images[machine.mode],
      reach: machine,
      cpu: cpuOption(machine),
      extraArgs: addressLimitArguments(machine),
      ...(machine.smm ? { append: 'smm' } : {}),
      makeMemory: (highBase: number | null, image: Buffer) => new GuestMemory(highBase, image),
    };
    const rig = await RigGuest.launch(kernel, options);
    const guest = new ProbeGuest(rig);
    // HF_SMM, as QEMU shows it. A kernel that did not get there would be judged as one that did.
    if (/ SMM=1 /.test(await rig.registers()) === (machine.smm ?? false)) return guest;
    await guest[Symbol.asyncDispose]();
    throw new Error(`the vCPU of ${kernel.name} is ${machine.smm ? 'not ' : ''}in system management mode`);
  }

  get memory(): GuestMemory {
    return this.#rig.memory;
  }

  get version(): QemuVersion {
    return this.#rig.version;
  }

  /** Puts a batch's records and tables into the guest's memory. The guest may be busy with the other half meanwhile. */
  prepare(half: 0 | 1, records: Buffer): void {
    this.#rig.write(RECORDS + half * BATCH_STRIDE, records);
    this.#rig.write(RESULTS + half * BATCH_STRIDE, Buffer.alloc((records.length / RECORD.size) * RESULT.size));
    this.#rig.writeArenas(tablesOf(half));
  }

  /** Has the guest make the probes that were prepared. */
  async run(half: 0 | 1, count: number): Promise<void> {
    const records = RECORDS + half * BATCH_STRIDE;
    await this.#rig.run({ count, records, results: RESULTS + half * BATCH_STRIDE });
  }

  results(half: 0 | 1, count: number): Buffer {
    return this.#rig.read(RESULTS + half * BATCH_STRIDE, count * RESULT.size);
  }

  /** What is not as it was before a batch, in words, or null. Pages and one half of the tables are looked at. */
  findChange(half: 0 | 1): string | null {
    return this.#rig.findChange([[0, TABLES_OFFSET], tablesOf(half)]);
  }

  /** Makes the guest's memory what the host takes it for: probes that did otherwise than expected may have stored anywhere. */
  repair(): void {
    this.#rig.repair();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#rig[Symbol.asyncDispose]();
  }
}

function tablesOf(half: 0 | 1): ArenaRange {
  return [TABLES_OFFSET + half * TABLES_HALF_BYTES, TABLES_HALF_BYTES];
}

/** QEMU 10 refuses a processor whose addresses end below the place that it keeps for 64-bit PCI. */
function addressLimitArguments({ maxPhyAddr }: ProbeMachine): string[] {
  return maxPhyAddr > 33 ? [] : ['-global', 'i440FX-pcihost.pci-hole64-size=0'];
}
