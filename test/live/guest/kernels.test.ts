import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { QemuOptions, QemuProcess } from '../../../src/testing/index.ts';
import { KERNELS } from '../../kernels/manifests/kernels.ts';
import type { KernelManifest, KernelName, KernelTable } from '../../kernels/manifests/manifest.ts';
import { ROM_PT, ROM_PT_32 } from '../../kernels/manifests/manifest-rom.ts';
import { launchKernel, probeKvmWith, withRom } from '../../support/live/guest/kernel-guest.ts';
import { RawQmp } from '../../support/live/peer/raw-qmp.ts';

/** All tables and pages of every kernel lie in here. */
const IMAGE = { address: 0x100000, sizeBytes: 0x40000 };

const hex = (value: bigint) => `0x${value.toString(16).padStart(16, '0')}`;

async function readMemory(guest: QemuProcess, address: number, sizeBytes: number): Promise<Buffer> {
  const file = join(guest.directory, 'memory');
  await using qmp = await RawQmp.open(guest.witnessEndpoint);
  await qmp.execute('pmemsave', { val: address, size: sizeBytes, filename: file });
  return readFile(file);
}

const readImage = (guest: QemuProcess) => readMemory(guest, IMAGE.address, IMAGE.sizeBytes);

/** Every entry of a table, absent ones too, as `index: value` lines: a mismatch then shows where it is. */
function tableText(table: KernelTable, valueAt: (index: number) => bigint): string[] {
  return Array.from({ length: table.entryCount }, (_, index) => `${table.name}[${index}] ${hex(valueAt(index))}`);
}

function heldText(table: KernelTable, memory: Buffer, memoryAddress: number): string[] {
  return tableText(table, (index) => {
    const offset = Number(table.address) - memoryAddress + index * table.entrySizeBytes;
    return table.entrySizeBytes === 8 ? memory.readBigUInt64LE(offset) : BigInt(memory.readUInt32LE(offset));
  });
}

function expectTablesAsStated(kernel: KernelManifest, memory: Buffer): void {
  for (const table of kernel.tables) {
    const held = heldText(table, memory, IMAGE.address);
    const stated = tableText(table, (index) => {
      const address = table.address + BigInt(index * table.entrySizeBytes);
      return kernel.underTcg?.get(address) ?? table.entries.get(index) ?? 0n;
    });
    expect(held).to.deep.equal(stated);
  }
}

/** What the guest's own eyes see: one whole round of reports. */
async function readReports(guest: QemuProcess): Promise<Record<string, string>> {
  await guest.console.waitForNextLine((line) => line.startsWith('tick '));
  await guest.console.waitForNextLine((line) => line.startsWith('tick '));
  const lines = guest.console.lines;
  const end = lines.findLastIndex((line) => line.startsWith('tick '));
  const start = lines.findLastIndex((line, index) => index < end && line.startsWith('tick '));
  return Object.fromEntries(lines.slice(start + 1, end).map((line) => line.split(' ').slice(1)));
}

function watchedValues(kernel: KernelManifest): Record<string, string> {
  const entries = kernel.tables.flatMap((table) =>
    [...table.entries].map(([index, value]) => [table.address + BigInt(index * table.entrySizeBytes), value] as const),
  );
  const byAddress = new Map(entries);
  return Object.fromEntries(
    Object.entries(kernel.watches).map(([name, address]) => [name, hex(byAddress.get(address) ?? 0n).slice(2)]),
  );
}

function registerLines(guest: QemuProcess): Record<string, string> {
  const lines = guest.console.lines.filter((line) => line.startsWith('reg '));
  return Object.fromEntries(lines.map((line) => line.split(' ').slice(1)));
}

async function withKernel(name: KernelName, options: QemuOptions, run: (guest: QemuProcess) => Promise<void>) {
  await using guest = await launchKernel(name, options);
  await run(guest);
}

describe('the kernels in test/kernels', function () {
  this.timeout(60_000);

  for (const kernel of Object.values(KERNELS)) {
    describe(kernel.name, () => {
      it('holds the tables that the manifest states, before and after it ran for a while', () =>
        withKernel(kernel.name, {}, async (guest) => {
          expectTablesAsStated(kernel, await readImage(guest));
          expect(await readReports(guest)).to.deep.equal(watchedValues(kernel));
          expectTablesAsStated(kernel, await readImage(guest));
        }));

      it('reports the same from CPL 3', () =>
        withKernel(kernel.name, { append: 'user' }, async (guest) => {
          expect(await readReports(guest)).to.deep.equal(watchedValues(kernel));
          expectTablesAsStated(kernel, await readImage(guest));
        }));

      it('has the registers that the manifest states', () =>
        withKernel(kernel.name, {}, async (guest) => {
          await guest.console.waitForLine((line) => line.startsWith('tick '));
          const stated = Object.entries(kernel.registers).map(([name, value]) => [name, hex(value).slice(2)]);
          expect(registerLines(guest)).to.deep.equal(Object.fromEntries(stated));
        }));

      it('names its data pages', () =>
        withKernel(kernel.name, {}, async (guest) => {
          const memory = await readImage(guest);
          for (const page of [0, 7, 31]) {
            const offset = 0x20000 + page * 0x1000;
            const name = `pagewalk page ${page}\0`;
            expect(memory.toString('latin1', offset, offset + name.length)).to.equal(name);
          }
        }));
    });
  }

  it('long4 runs with SMEP, SMAP, EFLAGS.AC and without CR0.WP as asked', () =>
    withKernel('long4', { append: 'smep smap nowp ac user' }, async (guest) => {
      await guest.console.waitForLine((line) => line.startsWith('tick '));
      const { cr0, cr4 } = registerLines(guest);
      expect(cr0).to.equal('0000000080000011');
      expect(cr4).to.equal('0000000001700020');
    }));

  it('has a page table in ROM with the firmware rom.bin, for both sizes of entries', () =>
    withKernel('long4', withRom(), async (guest) => {
      const memory = await readMemory(guest, Number(ROM_PT.address), 0x1000);
      for (const table of [ROM_PT, ROM_PT_32]) {
        expect(heldText(table, memory, Number(table.address))).to.deep.equal(
          tableText(table, (index) => table.entries.get(index) ?? 0n),
        );
      }
      await using qmp = await RawQmp.open(guest.witnessEndpoint);
      const map = await qmp.execute('human-monitor-command', { 'command-line': 'info mtree -f' });
      expect(map).to.contain('00000000fffb0000-00000000ffffffff (prio 0, rom): pc.bios');
    }));

  it('long4 starts a second CPU with tables and rights of its own', () =>
    withKernel('long4', { smp: 2, append: 'ap smep smap' }, async (guest) => {
      await using qmp = await RawQmp.open(guest.witnessEndpoint);
      const text = await qmp.execute('human-monitor-command', { 'command-line': 'info registers', 'cpu-index': 1 });
      const held = (name: string) => new RegExp(`\\b${name} *=([0-9a-f]+)`, 'i').exec(String(text))?.[1];
      const stated = KERNELS.long4.otherCpus?.registers;
      expect({ cr0: held('cr0'), cr3: held('cr3'), cr4: held('cr4'), efer: held('efer') }).to.deep.equal({
        cr0: hex(stated?.cr0 ?? 0n).slice(-8),
        cr3: hex(stated?.cr3 ?? 0n).slice(2),
        cr4: hex(stated?.cr4 ?? 0n).slice(-8),
        efer: hex(stated?.efer ?? 0n).slice(2),
      });
    }));

  it('reports its exceptions', () =>
    withKernel('paging32', { append: 'fault' }, async (guest) => {
      const line = await guest.console.waitForLine((said) => said.startsWith('exception '));
      // A supervisor write to a page that is not present, at 0x10.
      expect(line).to.match(/^exception 000000000000000e 0000000000000002 0000000000000010 000000000010[0-9a-f]{4} $/);
    }));

  it('says why it cannot run', async () => {
    const failure = await launchKernel('long4', { cpu: 'qemu64', append: 'smep' }).then(
      () => 'it ran',
      (error: Error) => error.message,
    );
    expect(failure).to.contain('was awaited: "fail this CPU has no SMEP"');
  });

  it('long5 says that the CPU has no 5-level paging', async () => {
    const failure = await launchKernel('long5', { cpu: 'qemu64' }).then(
      () => 'it ran',
      (error: Error) => error.message,
    );
    expect(failure).to.contain('was awaited: "fail this CPU has no 5-level paging (CPUID bit LA57); try -cpu max"');
  });

  it('long4 holds its tables under KVM too', async function () {
    this.timeout(120_000);
    const probe = await probeKvmWith('long4');
    if (!probe.works) {
      if (this.test) this.test.title += ` (KVM does not work here: ${probe.reason})`;
      this.skip();
    }
    await withKernel('long4', { accel: 'kvm', cpu: 'qemu64' }, async (guest) => {
      expect(await readReports(guest)).to.deep.equal(watchedValues(KERNELS.long4));
      expectTablesAsStated(KERNELS.long4, await readImage(guest));
    });
  });
});
