import { expect } from 'chai';
import { searchProcesses } from '../../../../../src/cli/commands/map/find-in-processes.ts';
import { GuestView, givenSource, type TableSnapshot } from '../../../../../src/guest/index.ts';
import type { LinuxTask } from '../../../../../src/linux/index.ts';
import { AreaMap } from '../../../../../src/linux/internal.ts';
import { TableBuilder } from '../../../../support/builders/table-builder.ts';
import { memoryOfPages } from '../../../../support/fakes/memory-of-pages.ts';

const WANTED = 0x20_0000n;

/** Two address spaces, of which each maps the page: at an address of its own, and at one of the kernel's. */
function guestWithTables(mode: '4-level' | 'pae', kernelPage: bigint) {
  const one = new TableBuilder(mode, 0x1000n);
  const other = new TableBuilder(mode, 0x10_000n, one.memory);
  one.map(0x40_0000n, WANTED);
  other.map(0x50_0000n, WANTED);
  for (const tables of [one, other]) tables.map(kernelPage, WANTED);
  const { map, memory } = memoryOfPages(one.memory);
  const efer = mode === 'pae' ? 0n : 0x500n;
  const registers = { cr0: 0x8001_0011n, cr3: one.root, cr4: 0x20n, efer };
  const view = new GuestView(givenSource({ vcpus: [{ registers }], memory, regions: map.regions }));
  return { view, roots: [one.root, other.root] as const };
}

function task(pid: number, cr3: bigint | null, more: Partial<LinuxTask> = {}): LinuxTask {
  const rest = { state: 'S', address: BigInt(pid), mm: 1n, userCr3: null, residentPages: null };
  return { pid, tgid: pid, comm: `task-${pid}`, cr3, ...rest, ...more };
}

interface Told {
  readonly problem?: string;
  readonly kernelFirst?: bigint | null;
  readonly limit?: number;
  readonly ofKernel?: readonly string[];
  readonly range?: { readonly first: bigint; readonly last: bigint };
  /** Takes what is looked in: a root, and a part below it. */
  readonly parts?: (readonly [cr3: bigint, first: bigint, last: bigint])[];
  /** How each snapshot is otherwise than it is. */
  readonly changed?: Partial<Record<keyof TableSnapshot, unknown>>;
}

async function search(view: GuestView, tasks: readonly LinuxTask[], told: Told = {}) {
  const { problem = null, kernelFirst = 1n << 63n, limit = 100, range = {}, ofKernel = [] } = told;
  const { parts = [], changed = {} } = told;
  const changes = Object.entries(changed).map(([name, value]) => [name, { value }] as const);
  const said: string[] = [];
  const found = await searchProcesses(
    {
      linux: {
        threadList: async () => ({ tasks, problem }),
        kernelFirst: async () => kernelFirst,
        areaMap: async () => ({ map: new AreaMap([]), problem: null, ofKernel }),
      },
      snapshotOf: async (cr3, part) => {
        parts.push([cr3, part.first, part.last]);
        return Object.defineProperties(await view.snapshot({ cr3, ...part }), Object.fromEntries(changes));
      },
      range,
      physical: { first: WANTED, last: WANTED },
      limit,
    },
    { complain: (line) => said.push(line) },
  );
  const places = found.aliases.map(({ alias, names: { owner = null } }) => {
    return [owner?.kind === 'process' ? owner.pid : null, alias.first] as const;
  });
  return { ...found, places, said };
}

describe('cli/searchProcesses', () => {
  const KERNEL_PAGE = 0xffff_8000_0000_0000n;
  const long = guestWithTables('4-level', KERNEL_PAGE);
  const [one, other] = long.roots;

  it("looks once in the kernel's half, and in each process", async () => {
    const { places, incomplete } = await search(long.view, [task(0, null, { mm: null }), task(1, one), task(2, other)]);
    expect(places).to.deep.equal([
      [null, KERNEL_PAGE],
      [1, 0x40_0000n],
      [2, 0x50_0000n],
    ]);
    expect(incomplete).to.deep.equal([]);
  });

  it('is incomplete where the list of processes is, or tables cannot be read, and says which', async () => {
    const tasks = [task(1, one), task(2, null), task(3, 0x7000_0000n)];
    const { places, incomplete, rootReadable } = await search(long.view, tasks, { problem: 'the list is damaged' });
    expect(places).to.deep.equal([
      [null, KERNEL_PAGE],
      [1, 0x40_0000n],
    ]);
    expect(incomplete).to.deep.equal([
      'the list is damaged',
      'process 2 task-2 has a page-table root that is mapped nowhere',
      'process 3 task-3: the root table at 0x70000000 is neither in RAM nor in ROM: nothing is known of this address space',
    ]);
    expect(rootReadable).to.equal(false);
    const none = await search(long.view, [task(0, null, { mm: null })]);
    expect(none.incomplete).to.deep.equal(['no process has an address space, so there is nothing to look in']);
    const many = await search(
      long.view,
      Array.from({ length: 50 }, (_, pid) => task(pid, null, { mm: BigInt(pid) })),
    );
    expect([many.incomplete.length, many.incomplete.at(-1)]).to.deep.equal([9, 'and 43 more like these']);
    for (const [count, last] of [
      [8, 'process 9 task-9 has a page-table root that is mapped nowhere'],
      [9, 'and 1 more like these'],
    ] as const) {
      const lost = Array.from({ length: count }, (_, at) => task(at + 2, null, { mm: BigInt(at) }));
      const some = await search(long.view, [task(1, one), ...lost]);
      expect([some.incomplete.length, some.incomplete.at(-1)], String(count)).to.deep.equal([count, last]);
    }
  });

  it('stops after so many places, and says so', async () => {
    const { places, incomplete } = await search(long.view, [task(1, one), task(2, other)], { limit: 2 });
    expect(places).to.have.length(2);
    expect(incomplete).to.deep.equal(['stopped after 2 places: look in a part with --range']);
    const rootless = Array.from({ length: 50 }, (_, pid) => task(pid + 3, null, { mm: BigInt(pid) }));
    const many = await search(long.view, [task(1, one), task(2, other), ...rootless], { limit: 2 });
    expect(many.incomplete.slice(-2)).to.deep.equal([
      'and 42 more like these',
      'stopped after 2 places: look in a part with --range',
    ]);
  });

  it('says once what is lacking of areas, whatever process is looked in', async () => {
    const { said } = await search(long.view, [task(1, one), task(2, other)], { ofKernel: ['no vmalloc areas'] });
    expect(said).to.deep.equal(['pagewalk: no vmalloc areas']);
  });

  it('splits addresses of 32 bits where the kernel has them split, and not where that is not told', async () => {
    const narrow = guestWithTables('pae', 0x8010_0000n);
    const tasks = narrow.roots.map((root, at) => task(at + 1, root));
    expect((await search(narrow.view, tasks, { kernelFirst: 0x8000_0000n })).places).to.deep.equal([
      [null, 0x8010_0000n],
      [1, 0x40_0000n],
      [2, 0x50_0000n],
    ]);
    expect((await search(narrow.view, tasks, { kernelFirst: null })).places).to.deep.equal([
      [1, 0x40_0000n],
      [1, 0x8010_0000n],
      [2, 0x50_0000n],
      [2, 0x8010_0000n],
    ]);
  });

  it('looks in the part that is asked about, on either side of where the kernel begins, and across', async () => {
    const tasks = [task(1, one), task(2, other)];
    const placesIn = async (first: bigint, last: bigint) => {
      const parts: (readonly [bigint, bigint, bigint])[] = [];
      const { places } = await search(long.view, tasks, { range: { first, last }, parts });
      return { places, parts };
    };
    const last = 0xffff_ffff_ffff_ffffn;
    const kernel = 1n << 63n;
    expect(await placesIn(0x40_0000n, 0x40_ffffn)).to.deep.equal({
      places: [[1, 0x40_0000n]],
      parts: [
        [one, 0x40_0000n, 0x40_ffffn],
        [other, 0x40_0000n, 0x40_ffffn],
      ],
    });
    expect(await placesIn(KERNEL_PAGE, last)).to.deep.equal({
      ...{ places: [[null, KERNEL_PAGE]], parts: [[one, KERNEL_PAGE, last]] },
    });
    expect((await placesIn(kernel, kernel)).parts).to.deep.equal([[one, kernel, kernel]]);
    expect((await placesIn(kernel - 1n, kernel)).parts).to.deep.equal([
      [one, kernel, kernel],
      [one, kernel - 1n, kernel - 1n],
      [other, kernel - 1n, kernel - 1n],
    ]);
    expect((await placesIn(kernel - 1n, kernel - 1n)).parts).to.deep.equal([
      [one, kernel - 1n, kernel - 1n],
      [other, kernel - 1n, kernel - 1n],
    ]);
    const whole: (readonly [bigint, bigint, bigint])[] = [];
    await search(long.view, tasks, { parts: whole });
    expect(whole).to.deep.equal([
      [one, kernel, last],
      [one, 0n, kernel - 1n],
      [other, 0n, kernel - 1n],
    ]);
  });

  it('looks once in what processes share, by the root that user mode has', async () => {
    const parts: (readonly [bigint, bigint, bigint])[] = [];
    const tasks = [task(1, one, { userCr3: other }), task(2, one, { userCr3: other }), task(3, one)];
    await search(long.view, tasks, { parts });
    expect(parts.map(([cr3]) => cr3)).to.deep.equal([one, other, one]);
  });

  it('says in which ROM tables lie, what is assumed once each, and whose half cannot be looked in', async () => {
    const assumed = [{ name: 'a20', value: true, cause: { code: 'smep-not-stated' }, decides: true }] as const;
    const changed = { tablesInRom: ['pc.rom'], assumed, isRootReadable: false };
    const found = await search(long.view, [task(1, one)], { changed });
    expect(found.tablesInRom).to.deep.equal(['pc.rom']);
    expect(found.assumed).to.deep.equal(assumed);
    expect(found.isNested).to.equal(false);
    const lost = `the root table at 0x1000 is neither in RAM nor in ROM: nothing is known of this address space`;
    expect(found.incomplete).to.deep.equal([`the kernel's half: ${lost}`, `process 1 task-1: ${lost}`]);
    expect(found.rootReadable).to.equal(false);
  });

  it('names threads that share memory once, and those without any never', async () => {
    const tasks = [task(1, one), task(2, null, { mm: 5n }), task(3, null, { mm: 5n }), task(4, null, { mm: null })];
    expect((await search(long.view, tasks)).incomplete).to.deep.equal([
      'process 2 task-2 has a page-table root that is mapped nowhere',
    ]);
  });

  it('stops at the limit within a process, and counts all places for it', async () => {
    const tasks = [task(1, one), task(2, other)];
    for (const [limit, count, isStopped] of [
      [1, 1, true],
      [3, 3, true],
      [4, 3, false],
    ] as const) {
      const { places, incomplete } = await search(long.view, tasks, { limit });
      expect([places.length, incomplete.length > 0], String(limit)).to.deep.equal([count, isStopped]);
    }
  });
});
