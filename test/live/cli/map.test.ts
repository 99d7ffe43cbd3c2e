import { writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import type { z } from 'zod';
import type { QemuProcess } from '../../../src/testing/index.ts';
import { KERNELS } from '../../kernels/manifests/kernels.ts';
import { type KernelManifest, type KernelPage, kernelPage } from '../../kernels/manifests/manifest.ts';
import { parseInfoTlb, type TlbLine } from '../../support/live/guest/info-tlb.ts';
import { launchKernel } from '../../support/live/guest/kernel-guest.ts';
import { PhysicalSnapshot } from '../../support/live/guest/physical-snapshot.ts';
import { useRunningKernel } from '../../support/live/guest/running-kernel.ts';
import { Witness } from '../../support/live/guest/witness.ts';
import { writeHostMemory } from '../../support/live/guest/write-host-memory.ts';
import { writePhysical } from '../../support/live/guest/write-physical.ts';
import { runCommand } from '../../support/live/run-command.ts';
import { type PagewalkExit, startPagewalk } from '../../support/live/run-pagewalk.ts';
import { useScratchDirectory } from '../../support/live/scratch-directory.ts';
import { accessOf } from '../../support/reference/reference-machine.ts';
import type { ReferenceMachine, ReferenceTranslation } from '../../support/reference/reference-translation.ts';
import { referenceTranslate } from '../../support/reference/reference-walker.ts';
import {
  aliasEndSchema,
  aliasLineSchema,
  changeLineSchema,
  type MapLine,
  type MapPageLine,
  type MapRangeLine,
  mapLineSchema,
  summaryLineSchema,
} from '../../support/schemas/map-schema.ts';
import { stateLineSchema } from '../../support/schemas/translation-schema.ts';

const { long4 } = KERNELS;
function bytesOf(entry: bigint): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(entry);
  return bytes;
}

const hex = (value: bigint): string => `0x${value.toString(16)}`;

function parseMap({ stdout }: PagewalkExit): readonly MapLine[] {
  const lines = stdout.split('\n');
  expect(lines.pop(), 'the last line is ended').to.equal('');
  return lines.map((line) => mapLineSchema.parse(JSON.parse(line)));
}

const pagesOf = (lines: readonly MapLine[]): readonly MapPageLine[] => lines.filter((line) => line.kind === 'page');
const rangesOf = (lines: readonly MapLine[]): readonly MapRangeLine[] => lines.filter((line) => line.kind === 'range');

type State = z.output<typeof stateLineSchema>;

/**
 * A machine of the manual with the guest's registers, whose supervisor may read whatever is mapped. PDPTEs are taken as MOV CR3
 * loaded them: TCG writes into those in memory what no processor would accept there.
 */
function machineOf({ registers, mode, tables }: KernelManifest, { processor }: State): ReferenceMachine {
  const { cr0, cr3, cr4, efer } = registers;
  const smap = 1n << 21n;
  const loaded = tables.find(({ level }) => level === 3)?.entries;
  const pdpte = (index: number): bigint => loaded?.get(index) ?? 0n;
  return {
    registers: {
      ...{ cr0, cr3, cr4: cr4 & ~smap, efer, rflags: 2n, pkru: 0, pkrs: 0 },
      ...(mode === 'pae' ? { pdptes: [pdpte(0), pdpte(1), pdpte(2), pdpte(3)] as const } : {}),
    },
    processor: {
      maxPhyAddr: processor.maxPhyAddr.value,
      vendor: processor.vendor.value,
      pse36: processor.pse36.value,
      pdpe1gb: processor.pdpe1gb.value,
    },
  };
}

describe('map, find and diff, on guests', function () {
  this.timeout(120_000);

  for (const kernel of Object.values(KERNELS)) {
    describe(kernel.name, () => {
      let guest: QemuProcess;
      let witness: Witness;
      let memory: PhysicalSnapshot;
      let tlb: readonly TlbLine[];
      let lines: readonly MapLine[];
      let machine: ReferenceMachine;

      /** By the manual, from the memory that QEMU has saved. */
      const judge = (linear: bigint): ReferenceTranslation => referenceTranslate(machine, memory, linear, accessOf(''));

      before(async () => {
        guest = await launchKernel(kernel.name);
        witness = await Witness.of(guest);
        await witness.execute('stop');
        const { stdout } = await runCommand(['state', '--json', '--qmp', guest.qmpEndpoint]);
        machine = machineOf(kernel, stateLineSchema.parse(JSON.parse(stdout)));
        lines = parseMap(await runCommand(['map', '--leaves', '--json', '--qmp', guest.qmpEndpoint]));
        tlb = parseInfoTlb(await witness.hmp('info tlb'));
        memory = await PhysicalSnapshot.take(guest, witness);
        expect(await witness.runState()).to.equal('paused');
      });

      after(async () => {
        await witness?.[Symbol.asyncDispose]();
        await guest?.stop();
      });

      it('maps what info tlb lists, but for what the manual says that no processor walks', () => {
        const mapped = new Map(pagesOf(lines).map((page) => [page.address, page]));
        const missing = tlb.filter(({ linear }) => !mapped.has(hex(linear)));
        const reasons = missing.map(({ linear }) => {
          const judged = judge(linear);
          return judged.kind === 'fault' ? judged.cause : `${hex(linear)} is mapped`;
        });
        expect(reasons.filter((reason) => reason !== 'reserved-bits' && reason !== 'unbacked-table')).to.deep.equal([]);
        expect(tlb.length - missing.length).to.be.above(200);
      });

      it('maps nothing that info tlb does not list, and nothing otherwise', () => {
        const listed = new Map(tlb.map((line) => [hex(line.linear), line]));
        const shown = kernel.mode === '32-bit' ? 0xffff_ffffn : (1n << 50n) - 1n;
        const wrong = pagesOf(lines).filter(({ address, physicalAddress, size, global, accessed, dirty, rights }) => {
          const line = listed.get(address);
          // In PAE mode bit 63 is shown as if it were one of the address.
          if (line === undefined || (line.physical & shown) !== (BigInt(physicalAddress) & shown)) return true;
          const { flags } = line;
          // Bit 7 of a PTE is PAT, and shown as P too.
          const isLarge = size === 4096 || flags.includes('P');
          const allowed = (!rights.write || flags.includes('W')) && (!rights.user || flags.includes('U'));
          const executable = !rights.exec || !flags.includes('X');
          const used = flags.includes('A') === accessed && flags.includes('D') === dirty;
          return !(isLarge && allowed && executable && used && flags.includes('G') === global);
        });
        expect(wrong).to.deep.equal([]);
      });

      it('has rights, keys and sizes as the manual has them', () => {
        const wrong = pagesOf(lines).filter(({ address, physicalAddress, size, rights, protectionKey }) => {
          const judged = judge(BigInt(address));
          return !(
            judged.kind === 'mapped' &&
            hex(judged.physicalAddress) === physicalAddress &&
            judged.pageSizeBytes === size &&
            judged.protectionKey === protectionKey &&
            JSON.stringify(judged.rights) === JSON.stringify(rights)
          );
        });
        expect(wrong).to.deep.equal([]);
      });

      it('has every page of the manifest, and none that it says is not there', () => {
        const mapped = new Map(pagesOf(lines).map((page) => [page.address, page]));
        const { vendor } = machine.processor;
        for (const { name, address, outcome, only = vendor } of kernel.pages) {
          if (only !== vendor) continue;
          const page = mapped.get(hex(address));
          if (outcome.kind !== 'mapped') {
            expect(page, name).to.equal(undefined);
            continue;
          }
          const { writable, user, executable, memory: region } = outcome;
          expect(page?.rights, name).to.deep.equal({ write: writable, user, exec: executable });
          expect(page, name).to.include({ physicalAddress: hex(outcome.physicalAddress), size: outcome.sizeBytes });
          expect(page?.region.kind, name).to.equal(region);
        }
      });

      it('merges these pages into ranges, and counts them', async () => {
        const exit = await runCommand(['map', '--json', '--qmp', guest.qmpEndpoint]);
        const ranges = rangesOf(parseMap(exit));
        const pages = pagesOf(lines);
        const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);
        expect(sum(ranges.flatMap(({ leaves }) => Object.values(leaves)))).to.equal(pages.length);
        expect(sum(ranges.map(({ accessed }) => accessed))).to.equal(pages.filter(({ accessed }) => accessed).length);
        let at = 0;
        for (const { address, rights, region } of pages) {
          while (BigInt(ranges[at]?.last ?? address) < BigInt(address)) at += 1;
          const range = ranges[at];
          expect(BigInt(range?.first ?? 0n) <= BigInt(address), address).to.equal(true);
          const isRegionNamed = range?.regions.some(({ kind, name }) => kind === region.kind && name === region.name);
          const facts = { ...range?.rights, isRegionNamed };
          if (JSON.stringify(facts) !== JSON.stringify({ ...rights, isRegionNamed: true })) {
            expect(facts, address).to.deep.equal({ ...rights, isRegionNamed: true });
          }
        }
        const { stdout } = await runCommand(['map', '--summary', '--json', '--qmp', guest.qmpEndpoint]);
        // The other CPUs have a root of their own.
        const own = kernel.tables.filter(({ name }) => name !== 'ap-pml4');
        const summary = summaryLineSchema.parse(JSON.parse(stdout));
        expect(summary).to.include({ ranges: ranges.length, complete: true, tablePages: own.length });
        expect(sum(Object.values(summary.total.leaves))).to.equal(pages.length);
        const bad = ranges.filter(({ rights }) => rights.write && rights.exec);
        expect(summary.writableExecutable.count).to.equal(bad.length);
      });

      it('finds every way to a page', async () => {
        const { outcome } = kernelPage(kernel, 'rw');
        const physical = outcome.kind === 'mapped' ? outcome.physicalAddress : 0n;
        const { status, stdout } = await runCommand([
          'find',
          hex(physical + 0x123n),
          '--json',
          '--qmp',
          guest.qmpEndpoint,
        ]);
        expect(status).to.equal(0);
        const aliases = stdout.trimEnd().split('\n');
        const end = aliasEndSchema.parse(JSON.parse(aliases.pop() ?? ''));
        expect(end).to.include({ complete: true, count: aliases.length, rootReadable: true });
        const found = aliases.map((line) => aliasLineSchema.parse(JSON.parse(line)));
        const expected = pagesOf(lines).flatMap(({ address, physicalAddress, size }) => {
          const offset = physical + 0x123n - BigInt(physicalAddress);
          return offset >= 0n && offset < BigInt(size) ? [hex(BigInt(address) + offset)] : [];
        });
        expect(expected.length).to.be.above(3);
        expect(found.map(({ first }) => first)).to.deep.equal(expected);
      });
    });
  }

  describe('the commands', () => {
    const running = useRunningKernel('long4', { smp: 2 });
    const path = useScratchDirectory();

    const addressOf = (name: string): string => hex(kernelPage(long4, name).address);
    const run = (...words: string[]): Promise<PagewalkExit> => runCommand([...words, ...running.endpoint]);

    /** Writes entries while the guest is paused. */
    async function poke(pieces: Parameters<typeof writePhysical>[1]): Promise<void> {
      await running.witness.execute('stop');
      try {
        await writePhysical(running.guest, pieces);
      } finally {
        await running.witness.execute('cont');
      }
    }

    async function save(name: string, ...words: string[]): Promise<string> {
      const { stdout } = await run('map', '--json', ...words);
      await writeFile(path(name), stdout);
      return path(name);
    }

    it('map draws ranges', async () => {
      const range = `${addressOf('rw')}+0x4000`;
      const { status, stdout, stderr } = await run('map', '--range', range);
      expect({ status, stderr }).to.deep.equal({ status: 0, stderr: '' });
      expect(stdout.split('\n')).to.deep.equal([
        '4-level paging, CR3 0x110000, vCPU 0',
        'linear addresses                         size  rights  pages, accessed, dirty; where they lead',
        '0x0000008000000000-0x0000008000000fff      4K  rwxu  1x4K A=0 D=0  → 0x120000-0x120fff RAM pc.ram',
        '0x0000008000001000-0x0000008000001fff      4K  r-xu  1x4K A=0 D=0  → 0x121000-0x121fff RAM pc.ram',
        '0x0000008000002000-0x0000008000002fff      4K  rwx-  1x4K A=0 D=0  → 0x122000-0x122fff RAM pc.ram',
        '0x0000008000003000-0x0000008000003fff      4K  r-x-  1x4K A=0 D=0  → 0x123000-0x123fff RAM pc.ram',
        '',
      ]);
    });

    it('map leaves out what is not wanted', async () => {
      const lines = parseMap(await run('map', '--leaves', '--json', '--filter', 'ro+nx+user,key=15'));
      expect(lines[0]).to.include({ filter: 'ro+nx+user,key=15' });
      const pages = pagesOf(lines);
      const isWanted = ({ rights, protectionKey }: MapPageLine): boolean =>
        (!rights.write && !rights.exec && rights.user) || protectionKey === 15;
      expect(pages.every(isWanted)).to.equal(true);
      const addresses = pages.map(({ address }) => address);
      expect(addresses).to.include(addressOf('ro-xd')).and.include(addressOf('key-15'));
      expect(addresses).to.not.include(addressOf('rw'));
    });

    it('map stops where it is told to, and says so', async () => {
      const { status, stdout, stderr } = await run('map', '--json', '--limit', '10');
      expect(status).to.equal(1);
      expect(stderr).to.equal('pagewalk: stopped after 10 ranges: take --limit N for more, or a part with --range\n');
      const lines = parseMap({ status, stdout, stderr });
      expect(rangesOf(lines)).to.have.lengthOf(10);
      expect(lines.at(-1)).to.include({ kind: 'end', complete: false, count: 10 });
    });

    it('map ends on tables of garbage', async () => {
      // A table of which every entry is the table itself: each of 2^36 pages is mapped, to that one page.
      const table = 0x300000n;
      const bytes = Buffer.alloc(4096);
      for (let at = 0; at < 4096; at += 8) bytes.writeBigUInt64LE(table | 0x7n, at);
      await poke([{ address: table, bytes }]);
      const { status, stdout, stderr } = await run('map', '--cr3', hex(table), '--leaves', '--limit', '20000');
      expect({ status, stderr }).to.deep.equal({
        status: 1,
        stderr: 'pagewalk: stopped after 20000 pages: take --limit N for more, or a part with --range\n',
      });
      expect(stdout.split('\n').length).to.equal(20_000 + 3);
      const ranges = rangesOf(parseMap(await run('map', '--cr3', hex(table), '--json')));
      expect(ranges.map(({ first, last }) => `${first}-${last}`)).to.deep.equal([
        '0x0-0x7fffffffffff',
        '0xffff800000000000-0xffffffffffffffff',
      ]);
      expect(ranges[0]).to.deep.include({ leaves: { 4096: 2 ** 35 }, physicalPieces: 2 ** 35 });
    });

    it('map ends where tables map ever new ranges and the filter wants none of them', async () => {
      // Four tables in a chain, each entry of which leads to the next; the last alternates between pages to read and to write.
      const at = 0x40_0000n;
      const below = (table: bigint) => () => (at + table * 0x1000n) | 7n;
      const page = (index: number) => 0x1025n | BigInt(index % 2 === 0 ? 0 : 2);
      const tables = [below(1n), below(2n), below(3n), page].map((make) => {
        return Buffer.concat(Array.from({ length: 512 }, (_, index) => bytesOf(make(index))));
      });
      await poke([{ address: at, bytes: Buffer.concat(tables) }]);
      const words = ['map', '--cr3', hex(at), '--filter', 'key=3', '--limit', '1000'];
      const { status, stdout, stderr } = await run(...words);
      expect(status).to.equal(1);
      expect(stdout.split('\n')).to.have.lengthOf(3);
      expect(stderr).to.match(
        /stopped after 16384 ranges, 0 of them wanted: take --limit N for more, or a part with --range/,
      );
    });

    it('with paging off map and find answer as identity over 4 GiB, and say so', async () => {
      const said = 'pagewalk: paging is off on vCPU 1: every linear address is the physical one\n';
      expect(await run('find', '0x100123', '--cpu', '1')).to.deep.equal({
        status: 0,
        stdout: '0x00100123  rwxu  no pages  → 0x100123\n',
        stderr: said,
      });
      const { stdout, ...exit } = await run('map', '--json', '--cpu', '1');
      expect(exit).to.deep.equal({ status: 0, stderr: said });
      const ranges = rangesOf(parseMap({ stdout, ...exit }));
      for (const { first, physicalFirst, rights, last } of ranges) {
        expect(physicalFirst).to.equal(first);
        expect(rights).to.deep.equal({ write: true, user: true, exec: true });
        expect(BigInt(last) <= 0xffff_ffffn).to.equal(true);
      }
      const { regions } = JSON.parse((await run('state', '--json')).stdout).memory.reduce(
        (all: { regions: string[] }, { first, kind, name }: Record<string, string>) => ({
          regions: [...all.regions, `${first} ${kind} ${name}`],
        }),
        { regions: [] },
      );
      const told = ranges.map(({ first, regions: [region] }) => `${first} ${region?.kind} ${region?.name}`);
      expect(told).to.deep.equal(regions);
      const summary = await run('map', '--summary', '--cpu', '1');
      expect(summary.stdout).to.match(/^! writable and executable: /m);
      expect(await run('map', '--filter', 'ro', '--cpu', '1', '--json')).to.have.property('status', 0);
    });

    it('map and find say that nothing is known where the root is in no memory, and are incomplete', async () => {
      const nowhere = ['--cr3', '0xf0000000'];
      const said = 'the root table at 0xf0000000 is neither in RAM nor in ROM: nothing is known of this address space';
      const map = await run('map', ...nowhere, '--json');
      expect({ status: map.status, stderr: map.stderr }).to.deep.equal({ status: 1, stderr: `pagewalk: ${said}\n` });
      expect(parseMap(map).at(-1)).to.include({ kind: 'end', complete: false, rootReadable: false });
      const summary = await run('map', ...nowhere, '--summary');
      expect(summary.stdout)
        .to.contain('! the root table is neither in RAM nor in ROM')
        .and.not.to.contain('nothing is writable');
      const found = await run('find', '0x1000', ...nowhere, '--json');
      expect({ status: found.status, stderr: found.stderr }).to.deep.equal({
        status: 5,
        stderr: `pagewalk: ${said}\n`,
      });
      expect(JSON.parse(found.stdout)).to.include({ kind: 'end', complete: false, rootReadable: false });
      const unmapped = await run('map', '--range', '0x700000000000+0x1000');
      expect(unmapped).to.deep.include({
        status: 0,
        stderr: 'pagewalk: nothing is mapped from 0x700000000000 to 0x700000000fff\n',
      });
    });

    it('find finds nothing where nothing leads', async () => {
      expect(await run('find', '0xfed00000-0xfed003ff', '--range', '0x0-0xffffffff')).to.deep.equal({
        status: 1,
        stdout: '',
        stderr: 'pagewalk: no linear address from 0x0 to 0xffffffff leads to 0xfed00000-0xfed003ff\n',
      });
    });

    it('map asks a guest that runs, without a pause', async () => {
      const before = running.witness.stops;
      const { status, stdout } = await run('map', '--live', '--summary');
      expect(status).to.equal(0);
      expect(stdout).to.contain('! assumed: taken live: the guest ran while its registers and tables were read\n');
      await running.witness.runState();
      expect(running.witness.stops - before).to.equal(0);
    });

    it('map reads the same through the stub alone', async () => {
      const range = ['--range', '0x8000000000-0xffffffffffffffff'];
      const { stdout } = await run('map', ...range);
      expect(stdout.length).to.be.above(10_000);
      expect((await run('map', ...range, '--no-host-memory')).stdout).to.equal(stdout);
    });

    it('map is not disturbed by a reader who leaves early', async () => {
      const { child, ended } = startPagewalk(['map', ...running.endpoint]);
      child.stdout?.once('data', () => child.stdout?.destroy());
      expect(await ended).to.include({ status: 0, stderr: '' });
    });

    it('diff tells what has happened between two files', async () => {
      const before = [await save('ranges-before'), await save('pages-before', '--leaves')];
      expect(await runCommand(['diff', path('ranges-before'), path('ranges-before')])).to.deep.equal({
        status: 0,
        stdout: '',
        stderr: '',
      });
      const entry = (name: string): bigint => kernelPage(long4, name).path.at(-1)?.address ?? 0n;
      // Through PML4[1] alone: other ways to the same table would be other lines.
      await poke([
        { address: entry('rw'), bytes: bytesOf(0x12_0067n) },
        { address: entry('ro'), bytes: bytesOf(0n) },
        { address: entry('supervisor'), bytes: bytesOf(0x12_2001n) },
        { address: entry('pte-zero'), bytes: bytesOf(0x13_8007n) },
      ]);
      const after = [await save('ranges-after'), await save('pages-after', '--leaves')];
      const within = (text: string): string[] => text.split('\n').filter((line) => line.includes(' 0x000000800000'));
      const pages = await runCommand(['diff', before[1] ?? '', after[1] ?? '']);
      expect(pages.status).to.equal(1);
      expect(within(pages.stdout)).to.deep.equal([
        '~ 0x0000008000000000-0x0000008000000fff      4K  became accessed, became dirty',
        '- 0x0000008000001000-0x0000008000001fff      4K  r-xu → 0x121000',
        '~ 0x0000008000002000-0x0000008000002fff      4K  rights rwx- → r-x-',
        '+ 0x0000008000006000-0x0000008000006fff      4K  rwxu → 0x138000',
      ]);
      const ranges = await runCommand(['diff', before[0] ?? '', after[0] ?? '', '--json']);
      const changes = ranges.stdout
        .trimEnd()
        .split('\n')
        .map((line) => changeLineSchema.parse(JSON.parse(line)))
        .filter(({ first }) => /^0x800000.{4}$/.test(first));
      expect(changes.map(({ first, last, differences }) => `${first}-${last} ${differences.join()}`)).to.deep.equal([
        '0x8000000000-0x8000000fff accessed,dirty',
        '0x8000001000-0x8000001fff vanished',
        '0x8000002000-0x8000002fff rights',
        '0x8000006000-0x8000006fff appeared',
      ]);
    });

    it('diff stops where it is told to, and knows incomplete maps', async () => {
      const whole = await save('whole', '--leaves');
      const partial = await save('partial', '--leaves', '--limit', '10');
      const { status, stdout, stderr } = await runCommand(['diff', partial, whole, '--limit', '2']);
      expect(status).to.equal(1);
      expect(stdout.split('\n')).to.have.lengthOf(3);
      const isPartial = `pagewalk: ${partial} is an incomplete map; missing entries may be false differences\n`;
      expect(stderr).to.equal(`pagewalk: stopped after 2 changes: take --limit N for more\n${isPartial}`);
      const itself = await runCommand(['diff', partial, partial]);
      expect(itself).to.deep.equal({ status: 1, stdout: '', stderr: isPartial.repeat(2) });
    });

    it('diff leaves a paused guest paused, and says that it did not run', async () => {
      await running.witness.execute('stop');
      try {
        const { status, stderr } = await run('diff', '--after', '10');
        expect({ status, stderr }).to.deep.equal({
          status: 0,
          stderr: 'pagewalk: the guest is paused: it did not run between the two moments\n',
        });
        expect(await running.witness.runState()).to.equal('paused');
      } finally {
        await running.witness.execute('cont');
      }
    });

    it('diff refuses files that it cannot compare', async () => {
      await save('ranges');
      await save('pages', '--leaves');
      await writeFile(path('text'), 'hello\n');
      await writeFile(path('empty'), '');
      const saved = (await run('map', '--json')).stdout;
      await writeFile(path('cut'), saved.slice(0, saved.lastIndexOf('{"kind":"end"')));
      const cases: readonly [string, string, RegExp][] = [
        ['ranges', 'pages', /pages:1: is a map of pages \(--leaves\), and \S+ranges one of ranges$/],
        ['ranges', 'text', /text:1: is not JSON; a map is saved by pagewalk map --json$/],
        ['ranges', 'empty', /empty: is empty; /],
        ['ranges', 'missing', /missing: cannot be read: ENOENT/],
        ['ranges', 'cut', /cut: has no last line \{"kind":"end",…\}: it was cut off$/],
      ];
      for (const [one, other, message] of cases) {
        const { status, stderr } = await runCommand(['diff', path(one), path(other)]);
        expect({ status, line: stderr.split('\n')[0] }, other).to.deep.include({ status: 2 });
        expect(stderr.split('\n')[0], other).to.match(message);
      }
    });

    it('diff compares two moments of a guest that runs in between', async () => {
      const page: KernelPage = kernelPage(long4, 'accessed');
      const entry = page.path.at(-1);
      const { child, ended } = startPagewalk(['diff', '--after', '4000', ...running.endpoint]);
      // After the first pause, which the witness hears of.
      const stops = running.witness.stops;
      while (running.witness.stops === stops) await running.witness.runState();
      while ((await running.witness.runState()) !== 'running') await new Promise((resolve) => setTimeout(resolve, 10));
      // The stub is taken, so that this goes past QEMU.
      await writeHostMemory(
        running.guest,
        running.witness,
        entry?.address ?? 0n,
        bytesOf((entry?.value ?? 0n) | 0x40n),
      );
      const { status, stdout } = await ended;
      expect(child.exitCode).to.equal(1);
      expect(status).to.equal(1);
      expect(stdout).to.contain(`~ 0x0000008000009000-0x0000008000009fff      4K  became dirty\n`);
      expect(await run('diff', '--after', '0')).to.deep.equal({ status: 0, stdout: '', stderr: '' });
    });

    it('diff puts the guest back when it is interrupted while it waits', async () => {
      const { child, ended } = startPagewalk(['diff', '--after', '60000', ...running.endpoint]);
      const stops = running.witness.stops;
      while (running.witness.stops === stops) await running.witness.runState();
      child.kill('SIGINT');
      expect(await ended).to.include({ status: 130, stdout: '' });
    });
  });
});
