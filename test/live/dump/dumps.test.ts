import { readFile, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { openDump } from '../../../src/dump/index.ts';
import {
  type GuestView,
  type ManyScope,
  parseOverride,
  type TranslationTable,
  type VcpuState,
  withPausedGuest,
} from '../../../src/guest/index.ts';
import type { Access, MappedLeaf } from '../../../src/paging/index.ts';
import type { QemuProcess } from '../../../src/testing/index.ts';
import { launchKernel } from '../../support/live/guest/kernel-guest.ts';
import { Witness } from '../../support/live/guest/witness.ts';
import { runPagewalk } from '../../support/live/run-pagewalk.ts';
import { useScratchDirectory } from '../../support/live/scratch-directory.ts';
import { Random } from '../../support/random/random.ts';

const ADDRESSES = 10_000;
const READ: Access = { write: false, user: false, exec: false };
const ACCESSES: readonly Access[] = [READ, { ...READ, write: true, user: true }, { ...READ, exec: true }];

/** Every format that QEMU writes, by its arguments; those that a QEMU lacks are not asked for. */
const FORMATS: Readonly<Record<string, Record<string, unknown>>> = {
  'elf without paging': { paging: false },
  'elf with paging': { paging: true },
  'kdump-zlib': { paging: false, format: 'kdump-zlib' },
  'kdump-lzo': { paging: false, format: 'kdump-lzo' },
  'kdump-snappy': { paging: false, format: 'kdump-snappy' },
  'kdump-raw-zlib': { paging: false, format: 'kdump-raw-zlib' },
  'kdump-raw-lzo': { paging: false, format: 'kdump-raw-lzo' },
  'kdump-raw-snappy': { paging: false, format: 'kdump-raw-snappy' },
};

const HONEST = 'elf without paging';

async function leavesOf(view: GuestView, scope: ManyScope): Promise<readonly MappedLeaf[]> {
  const leaves: MappedLeaf[] = [];
  (await view.snapshot(scope)).leaves((leaf) => leaves.push(leaf) > 0);
  return leaves;
}

/** Pages that are mapped, in turn, at some byte; and one in five anywhere. */
function drawAddresses(leaves: readonly MappedLeaf[]): BigUint64Array {
  const random = new Random(15);
  return BigUint64Array.from({ length: ADDRESSES }, (_, at) => {
    const anywhere = BigInt(random.below(2 ** 32)) * 2n ** 32n + BigInt(random.below(2 ** 32));
    const leaf = leaves[at % leaves.length];
    if (leaf === undefined || at % 5 === 0)
      return at % 2 === 0 ? anywhere : BigInt.asUintN(64, BigInt.asIntN(48, anywhere));
    return leaf.address + BigInt(random.below(leaf.sizeBytes));
  });
}

/** What no dump of QEMU's holds, as the live guest has it. */
function knownOf({ maxPhyAddr, vendor, pkru, pkrs, efer, pse36, pdpe1gb }: VcpuState): ManyScope {
  const values = {
    MAXPHYADDR: maxPhyAddr.value,
    VENDOR: vendor.value,
    PKRU: pkru.value,
    PKRS: pkrs.value,
    EFER: efer.value,
    PSE36: Number(pse36.value),
    PDPE1GB: Number(pdpe1gb.value),
  };
  return { overrides: Object.entries(values).map(([name, value]) => parseOverride(`${name}=${value}`)) };
}

type Row = readonly unknown[];

function rowsOf(table: TranslationTable): readonly Row[] {
  return Array.from({ length: table.length }, (_, at) => [
    table.physicalAddress(at),
    table.cause(at),
    table.rights(at),
    table.pageSizeBytes(at),
    table.responsibleAddress(at),
  ]);
}

/** Says nothing of a hundred thousand that are the same. */
function expectSame(found: readonly unknown[], wanted: readonly unknown[], what: string): void {
  expect(found.length, what).to.equal(wanted.length);
  const text = (value: unknown): string =>
    JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? `0x${each.toString(16)}` : each));
  const at = found.findIndex((each, index) => text(each) !== text(wanted[index]));
  if (at >= 0) expect(text(found[at]), `${what}, ${at}`).to.equal(text(wanted[at]));
}

describe('dumps that QEMU made in the pause of the live answer', function () {
  this.timeout(240_000);
  const fileIn = useScratchDirectory();

  /** Dumps in every format, each opened; raw memory and registers beside it. */
  async function dumpAll(
    witness: Witness,
    live: GuestView,
  ): Promise<ReadonlyMap<string, { file: string; registers?: string }>> {
    const files = new Map<string, { file: string; registers?: string }>();
    for (const [name, how] of Object.entries(FORMATS)) {
      const file = fileIn(name.replaceAll(' ', '-'));
      const isThere = await witness.execute('dump-guest-memory', { ...how, protocol: `file:${file}` }).then(
        () => true,
        (error: unknown) => {
          if (/not available|does not accept/.test(String(error))) return false;
          throw error;
        },
      );
      if (isThere) files.set(name, { file });
    }
    const regions = (await live.memoryMap()).regions;
    const ram = regions.find(({ kind, first }) => kind === 'ram' && first >= 0x10_0000n);
    const size = Number((ram?.last ?? 0n) + 1n);
    const raw = fileIn('raw');
    await witness.execute('pmemsave', { val: 0, size, filename: raw });
    const registers = fileIn('registers');
    await writeFile(registers, await witness.hmp('info registers -a'));
    files.set('raw memory with info registers', { file: raw, registers });
    return files;
  }

  async function compare(guest: QemuProcess): Promise<void> {
    await using witness = await Witness.of(guest);
    await withPausedGuest({ qmp: guest.qmpEndpoint, maxPauseMs: 200_000 }, async (live) => {
      const files = await dumpAll(witness, live);
      expect([...files.keys()]).to.include.members(['elf without paging', 'elf with paging', 'kdump-zlib']);
      const wantedLeaves = await leavesOf(live, {});
      const addresses = drawAddresses(wantedLeaves);
      const wanted = await Promise.all(ACCESSES.map((access) => live.translateMany(addresses, access)));
      const state = await live.vcpuState();
      for (const [name, { file, registers }] of files) {
        const dump = await openDump(file, registers === undefined ? {} : { registersFile: registers });
        const view = await dump.look();
        const own = await view.vcpuState();
        for (const register of ['cr0', 'cr3', 'cr4', 'rflags', 'cs', 'ss', 'cpl'] as const) {
          // TCG keeps the arithmetic flags elsewhere, and QEMU notes RFLAGS without them.
          const mask = register === 'rflags' ? 0x4_0002n : -1n;
          expect(BigInt(own[register].value) & mask, `${name}, ${register}`).to.equal(
            BigInt(state[register].value) & mask,
          );
        }
        expect(own.efer.value & 0x400n, `${name}, LMA`).to.equal(state.efer.value & 0x400n);
        const known = knownOf(state);
        expectSame(await leavesOf(view, known), wantedLeaves, `${name}, the whole map`);
        for (const [at, access] of ACCESSES.entries()) {
          const rows = rowsOf(wanted[at] as TranslationTable);
          expectSame(rowsOf(await view.translateMany(addresses, access, known)), rows, `${name}, addresses`);
          // Each value that is assumed is walked again with others: what holds for one format does for all.
          if (name === HONEST && at === 0) await expectHonest(await view.translateMany(addresses, access), rows, name);
        }
        await dump.detach();
      }
    });
  }

  /** With what a dump lacks assumed, an answer is the live one, or says that it rests on that. */
  async function expectHonest(table: TranslationTable, wanted: readonly Row[], name: string): Promise<void> {
    const text = (row: Row | undefined): string =>
      JSON.stringify(row, (_, each) => (typeof each === 'bigint' ? String(each) : each));
    for (const [at, row] of rowsOf(table).entries()) {
      if (text(row) === text(wanted[at])) continue;
      const isSaid = table.assumed(at).some(({ decides }) => decides);
      expect(isSaid, `${name}: address ${at} is ${text(row)}, not ${text(wanted[at])}, and says nothing`).to.equal(
        true,
      );
    }
  }

  for (const kernel of ['long4', 'pae'] as const) {
    it(`${kernel}: 10,000 addresses and the whole map are those of the live guest, in every format`, async () => {
      await using guest = await launchKernel(kernel, { memory: '8M', smp: 2 });
      await compare(guest);
    });
  }

  it('every command takes a dump, and diff compares it with another and with the guest', async () => {
    await using guest = await launchKernel('long4', { memory: '8M', smp: 2 });
    await using witness = await Witness.of(guest);
    await witness.execute('stop');
    const [file, saved, raw] = [fileIn('core'), fileIn('state.json'), fileIn('memory')];
    await witness.execute('dump-guest-memory', { paging: false, protocol: `file:${file}` });
    await witness.execute('pmemsave', { val: 0, size: 8 << 20, filename: raw });
    const qmp = ['--qmp', guest.qmpEndpoint];
    const live = await runPagewalk(['state', '--json', ...qmp]);
    await writeFile(saved, live.stdout);

    const state = await runPagewalk(['state', '--dump', file, '--cpu', '1']);
    expect(state.stdout)
      .to.match(/^vCPU 1 of 2 .*guest in a dump/)
      .and.match(/CR0 .*dump: QEMU note/);
    const all = await runPagewalk(['state', '--dump', file, '--cpu', 'all', '--json']);
    expect(all.stdout.split('\n').filter((line) => line !== '')).to.have.lengthOf(2);

    // With the registers and the memory map of the live guest nothing is assumed: not a byte of the answers differs.
    const own = ['--dump', raw, '--registers', saved];
    for (const command of [
      ['map', '--json'],
      ['find', '0x100000'],
      ['translate', '0x100702', '--json'],
    ]) {
      const [dumped, wanted] = [await runPagewalk([...command, ...own]), await runPagewalk([...command, ...qmp])];
      expect(dumped.stdout, command.join(' ')).to.equal(wanted.stdout);
      expect(dumped.status).to.equal(wanted.status);
    }
    expect((await runPagewalk(['translate', 'rip', '--dump', file])).stdout).to.match(/^0x.*supervisor read/);
    expect((await runPagewalk(['hv-translate', '0x100702', '--validate', 'r', '--dump', file])).stdout).to.match(
      /Success/i,
    );
    // Its MAXPHYADDR, which the dump does not hold, decides what is mapped: the registers that were saved have it.
    for (const after of [['--dump', file, '--registers', saved], qmp]) {
      const same = await runPagewalk(['diff', '--dump', file, '--registers', saved, ...after]);
      expect([same.stdout, same.status], after.join(' ')).to.deep.equal(['', 0]);
    }
    const before = await readFile(file);
    expect(await runPagewalk(['translate', '0x1000', '--dump', file, '--set-accessed'])).to.include({
      status: 2,
      stdout: '',
    });
    expect((await readFile(file)).equals(before)).to.equal(true);
    const missing = await runPagewalk(['ps', '--dump', file]);
    expect(missing.status).to.equal(3);
    expect(missing.stderr).to.match(/Linux/);
  });
});
