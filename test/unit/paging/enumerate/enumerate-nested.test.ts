import { expect } from 'chai';
import {
  type Alias,
  changedNestedRanges,
  createContext,
  createEpt,
  createNpt,
  type EnumerateResult,
  enumerateLeaves,
  enumerateRanges,
  findAliases,
  type MappedLeaf,
  type MappedRange,
  type NestedContext,
  type PagingContext,
  type Rights,
  type StagedOptions,
} from '../../../../src/paging/index.ts';
import { EPT, EptBuilder } from '../../../support/builders/ept-builder.ts';
import { TableBuilder, type TableMode } from '../../../support/builders/table-builder.ts';
import { pageSourceOf } from '../../../support/fakes/page-source.ts';
import { type MachineChanges, machineIn } from '../../../support/reference/reference-machine.ts';

const hex = (value: bigint): string => `0x${value.toString(16)}`;
const MIB_2 = 0x20_0000n;
const GIB = 0x4000_0000n;
const LARGE = { shift: 21n };
const HUGE = { shift: 30n };
/** A and D: what a second stage that lets tables only be read needs. */
const USED = { accessed: true, dirty: true };

/** A guest's tables, at the same addresses in the host, and EPT. */
class Stages {
  readonly guest: TableBuilder;
  readonly ept: EptBuilder;
  changes: MachineChanges = {};
  capabilities: Partial<Parameters<typeof createEpt>[1]> = {};
  eptp: bigint;

  constructor(mode: TableMode = '4-level') {
    this.guest = new TableBuilder(mode);
    this.ept = new EptBuilder(this.guest.memory);
    this.eptp = this.ept.eptp;
    this.ept.map(0n, 0n, LARGE);
  }

  get context(): PagingContext {
    const { registers, processor } = machineIn(this.guest.mode, { cr3: this.guest.root, ...this.changes });
    return createContext(registers, processor);
  }

  get nested(): NestedContext {
    return createEpt(this.eptp, { maxPhyAddr: 40, ...this.capabilities });
  }

  leaves(options: StagedOptions = {}): { readonly found: readonly MappedLeaf[]; readonly result: EnumerateResult } {
    const found: MappedLeaf[] = [];
    const { context, nested } = this;
    const take = (leaf: MappedLeaf): boolean => found.push(leaf) > 0;
    const result = enumerateLeaves(context, pageSourceOf(this.guest.memory), take, { nested, ...options });
    return { found, result };
  }

  ranges(options: StagedOptions = {}): { readonly found: readonly MappedRange[]; readonly result: EnumerateResult } {
    const found: MappedRange[] = [];
    const { context, nested } = this;
    const take = (range: MappedRange): boolean => found.push(range) > 0;
    const result = enumerateRanges(context, pageSourceOf(this.guest.memory), take, { nested, ...options });
    return { found, result };
  }

  aliases(first: bigint, last: bigint): readonly Alias[] {
    const found: Alias[] = [];
    const { context, nested } = this;
    const take = (alias: Alias): boolean => found.push(alias) > 0;
    findAliases(context, pageSourceOf(this.guest.memory), { first, last }, take, { nested });
    return found;
  }

  get atOnce(): Parameters<typeof changedNestedRanges>[0] {
    return { context: this.context, nested: this.nested, pageOf: pageSourceOf(this.guest.memory) };
  }

  /** What changes with `change`, in linear pages. */
  changed(change: () => void): readonly string[] {
    const before = this.atOnce;
    change();
    return changedNestedRanges(before, this.atOnce).map((range) => `${range.firstPage}-${range.lastPage}`);
  }
}

const may = ({ read, write, exec, user }: Rights): string =>
  `${read === false ? '-' : 'r'}${write ? 'w' : '-'}${exec ? 'x' : '-'}${user ? 'u' : '-'}`;
const showLeaf = ({ address, sizeBytes, rights, physicalAddress }: MappedLeaf): string =>
  `${hex(address)} ${sizeBytes >> 10}K ${may(rights)} ${hex(physicalAddress)}`;
const showRange = ({ first, last, rights, leaves, physicalFirst, physicalPieces }: MappedRange): string =>
  `${hex(first)}-${hex(last)} ${may(rights)} ${JSON.stringify(leaves)} ${hex(physicalFirst)} ${physicalPieces}`;

const AT = 0x8000_0000n;

describe('paging/enumerate behind a second stage', () => {
  describe('has pages of the smaller size', () => {
    it("a guest's large page over small ones: in one piece where they follow each other, with a hole where one is missing", () => {
      const stages = new Stages();
      stages.guest.map(AT, GIB, { size: Number(MIB_2) });
      for (let page = 0n; page < 512n; page += 1n) {
        if (page !== 5n) stages.ept.map(GIB + page * 0x1000n, 3n * GIB + (page < 8n ? page : page + 1n) * 0x1000n);
      }
      expect(stages.ranges().found.map(showRange)).to.deep.equal([
        '0x80000000-0x80004fff rwxu {"4096":5} 0xc0000000 1',
        '0x80006000-0x801fffff rwxu {"4096":506} 0xc0006000 2',
      ]);
      const { found, result } = stages.leaves();
      expect(result).to.deep.equal({ tables: 3, reservedEntries: 0, unbackedTables: 0, complete: true });
      expect(found).to.have.lengthOf(511);
      expect(found.slice(4, 6).map(showLeaf)).to.deep.equal([
        '0x80004000 4K rwxu 0xc0004000',
        '0x80006000 4K rwxu 0xc0006000',
      ]);
    });

    it("a guest's small pages within large ones", () => {
      const stages = new Stages();
      stages.guest.map(AT, GIB + 0x5000n);
      stages.guest.map(AT + 0x1000n, GIB + MIB_2);
      stages.ept.map(GIB, 3n * GIB, HUGE);
      expect(stages.leaves().found.map(showLeaf)).to.deep.equal([
        '0x80000000 4K rwxu 0xc0005000',
        '0x80001000 4K rwxu 0xc0200000',
      ]);
    });

    it('1 GB over 2 MB, 2 MB over 1 GB, and both alike', () => {
      const stages = new Stages();
      stages.guest.map(0n, GIB, { size: Number(GIB) });
      stages.guest.map(GIB, 2n * GIB + MIB_2, { size: Number(MIB_2) });
      stages.guest.map(2n * GIB, 2n * GIB, { size: Number(GIB) });
      stages.ept.map(GIB + 3n * MIB_2, 7n * MIB_2, LARGE);
      stages.ept.map(2n * GIB, 5n * GIB, HUGE);
      expect(stages.leaves().found.map(showLeaf)).to.deep.equal([
        '0x600000 2048K rwxu 0xe00000',
        '0x40000000 2048K rwxu 0x140200000',
        '0x80000000 1048576K rwxu 0x140000000',
      ]);
    });

    it('4 MB pages of a 32-bit guest, which no EPT has', () => {
      const stages = new Stages('32-bit');
      stages.changes = { cr4: 0x10n };
      stages.guest.map(0x40_0000n, GIB + 0x40_0000n, { size: 0x40_0000 });
      stages.guest.map(0x80_0000n, 2n * GIB, { size: 0x40_0000 });
      stages.ept.map(GIB, 5n * GIB, HUGE);
      stages.ept.map(2n * GIB + MIB_2, MIB_2, LARGE);
      expect(stages.ranges().found.map(showRange)).to.deep.equal([
        '0x400000-0x7fffff rwxu {"4194304":1} 0x140400000 1',
        '0xa00000-0xbfffff rwxu {"2097152":1} 0x200000 1',
      ]);
    });
  });

  describe('has the rights that both stages leave', () => {
    it('write and execute where both allow it, and what may only be executed', () => {
      const stages = new Stages();
      const rights = [EPT.open, EPT.read | EPT.write, EPT.read | EPT.exec, EPT.read, EPT.exec];
      rights.forEach((right, at) => {
        stages.guest.map(AT + BigInt(at) * 0x1000n, GIB + BigInt(at) * 0x1000n);
        stages.ept.map(GIB + BigInt(at) * 0x1000n, 3n * GIB, { rights: right });
      });
      const { found } = stages.leaves();
      expect(found.map(({ rights: both }) => may(both))).to.deep.equal(['rwxu', 'rw-u', 'r-xu', 'r--u', '--xu']);
      expect(found[4]?.rights).to.deep.equal({ read: false, write: false, user: true, exec: true });
      expect(found[3]?.rights, 'what may be read says no more than in one stage').to.deep.equal({
        write: false,
        user: true,
        exec: false,
      });
    });

    it('nothing where the guest forbids to execute what may only be executed, and nothing of pages that allow nothing', () => {
      const stages = new Stages();
      stages.guest.map(AT, GIB, { levels: { 1: { noExecute: true } } });
      stages.guest.map(AT + 0x1000n, GIB + 0x1000n);
      stages.ept.map(GIB, 3n * GIB, { rights: EPT.exec });
      stages.ept.map(GIB + 0x1000n, 3n * GIB, { rights: EPT.write });
      expect(stages.leaves().found).to.deep.equal([]);
    });

    it("by whose address it is, with mode-based execute control: the guest's U/S of all levels", () => {
      const stages = new Stages();
      stages.capabilities = { modeBasedExecute: true };
      stages.ept.poke(stages.ept.root, stages.guest.peek(stages.ept.root) | EPT.userExec);
      const supervisor = { levels: { 2: { user: false } } };
      stages.guest.map(AT, GIB);
      stages.guest.map(AT + MIB_2, GIB, supervisor);
      stages.guest.map(AT + 0x1000n, GIB + 0x1000n);
      stages.guest.map(AT + MIB_2 + 0x1000n, GIB + 0x1000n, supervisor);
      stages.ept.map(GIB, 3n * GIB, { rights: EPT.read | EPT.exec });
      stages.ept.map(GIB + 0x1000n, 3n * GIB, { rights: EPT.read | EPT.userExec });
      for (const shift of [30n, 21n]) {
        const address = stages.ept.entryAddress(GIB, shift);
        stages.ept.poke(address, stages.guest.peek(address) | EPT.userExec);
      }
      expect(stages.leaves().found.map(({ rights }) => may(rights))).to.deep.equal(['r--u', 'r-xu', 'r-x-', 'r---']);
    });
  });

  describe("reaches the guest's tables as its processor does", () => {
    const readOnly = { shift: 21n, rights: EPT.read };
    const allUsed = { 4: USED, 3: USED, 2: USED };

    it('that may only be read: an entry without A cannot be used, a leaf without D cannot be written through', () => {
      const stages = new Stages();
      stages.ept.map(0n, 0n, readOnly);
      stages.ept.map(GIB, 3n * GIB, HUGE);
      stages.guest.map(AT, GIB, { levels: { ...allUsed, 1: USED } });
      stages.guest.map(AT + 0x1000n, GIB, { levels: { ...allUsed, 1: { accessed: true } } });
      stages.guest.map(AT + 0x2000n, GIB, { levels: allUsed });
      stages.guest.map(AT + GIB, GIB, { levels: { ...allUsed, 2: {}, 1: USED } });
      expect(stages.leaves().found.map(showLeaf)).to.deep.equal([
        '0x80000000 4K rwxu 0xc0000000',
        '0x80001000 4K r-xu 0xc0000000',
      ]);
    });

    it('and not at all where reading them is writing them: with A and D flags for EPT', () => {
      const stages = new Stages();
      stages.eptp |= 0x40n;
      stages.ept.map(0n, 0n, readOnly);
      stages.ept.map(GIB, 3n * GIB, HUGE);
      stages.guest.map(AT, GIB, { levels: { ...allUsed, 1: USED } });
      const { found, result } = stages.leaves();
      expect(found).to.deep.equal([]);
      expect(result.unbackedTables).to.equal(1);
    });

    it('where they lie in the host', () => {
      const stages = new Stages();
      stages.guest.map(AT, GIB);
      stages.ept.map(GIB, 3n * GIB, HUGE);
      // The page table is at 0x4000; the guest sees what lies at 0x9000 there.
      const { memory } = stages.guest;
      memory.addPage(0x9000n);
      memory.poke(0x9000n, 8, (GIB + 0x7000n) | 3n);
      const pd = stages.ept.entryAddress(0n, 21n);
      stages.ept.poke(pd, 0n);
      for (let page = 0n; page < 9n; page += 1n) stages.ept.map(page * 0x1000n, (page === 4n ? 9n : page) * 0x1000n);
      expect(stages.leaves().found.map(showLeaf)).to.deep.equal(['0x80000000 4K rwx- 0xc0007000']);
    });
  });

  describe('comes to an end', () => {
    it('where a table of the second stage is in no memory: what needs it is not there', () => {
      const stages = new Stages();
      stages.guest.map(AT, GIB);
      stages.guest.map(AT + MIB_2, 2n * GIB);
      stages.ept.map(GIB, 3n * GIB, HUGE);
      stages.ept.poke(stages.ept.entryAddress(2n * GIB, 30n), 0x77_0000_0000n | EPT.open);
      expect(stages.leaves().found.map(showLeaf)).to.deep.equal(['0x80000000 4K rwxu 0xc0000000']);
      stages.eptp = 0x77_0000_001en;
      const { found, result } = stages.leaves();
      expect(found).to.deep.equal([]);
      expect(result).to.deep.equal({ tables: 0, reservedEntries: 0, unbackedTables: 1, complete: true });
    });

    it("where a guest's tables are those of the second stage", () => {
      const stages = new Stages();
      // The page at 0 is every table of both: its first entry leads to itself.
      const ept = new EptBuilder(stages.guest.memory, 0n);
      ept.poke(ept.root, EPT.open);
      stages.eptp = ept.eptp;
      stages.changes = { cr3: ept.root };
      const { found, result } = stages.leaves();
      expect(found.map(showLeaf)).to.deep.equal(['0x0 4K rwxu 0x0']);
      expect(result).to.deep.equal({ tables: 4, reservedEntries: 0, unbackedTables: 0, complete: true });
    });

    it('with tables that are shared by all, gone through once', () => {
      const stages = new Stages();
      const { guest } = stages;
      const tables = [guest.root, guest.allocateTable(), guest.allocateTable(), guest.allocateTable()];
      tables.forEach((table, depth) => {
        const target = tables[depth + 1] ?? GIB;
        for (let index = 0n; index < 512n; index += 1n) guest.poke(table + index * 8n, target | 0x27n);
      });
      stages.ept.map(GIB, 3n * GIB, LARGE);
      const { found, result } = stages.ranges();
      expect(result).to.include({ tables: 4, complete: true });
      expect(found.map(({ first, last, leaves }) => `${hex(first)}-${hex(last)} ${leaves[4096]}`)).to.deep.equal([
        `0x0-0x7fffffffffff ${2 ** 35}`,
        `0xffff800000000000-0xffffffffffffffff ${2 ** 35}`,
      ]);
    });

    it('after as many pieces as are looked up, and says so', () => {
      const stages = new Stages();
      for (let at = 0n; at < 4n; at += 1n) stages.guest.map(at * GIB, GIB, { size: Number(GIB) });
      for (let at = 0n; at < 512n; at += 1n) stages.ept.map(GIB + at * MIB_2, 3n * GIB, LARGE);
      expect(stages.leaves({ maxPieces: 2048 + 1 }).result.complete).to.equal(true);
      const { found, result } = stages.leaves({ maxPieces: 1000 });
      expect(found).to.have.lengthOf(1000);
      expect(result.complete).to.equal(false);
      expect(stages.ranges({ maxPieces: 1000 }).result.complete).to.equal(false);
    });
  });

  describe('keeps to a range', () => {
    const pageOf = (address: bigint): number => Number(address >> 12n);

    it('of which it has the pages that overlap it, and not all of the large page of the guest', () => {
      const stages = new Stages();
      stages.guest.map(AT, GIB, { size: Number(GIB) });
      for (let at = 0n; at < 512n; at += 1n) stages.ept.map(GIB + at * MIB_2, 3n * GIB + at * MIB_2, LARGE);
      const range = { firstPage: pageOf(AT + MIB_2 - 0x1000n), lastPage: pageOf(AT + 2n * MIB_2) };
      const expected = ['0x80000000', '0x80200000', '0x80400000'];
      expect(stages.leaves(range).found.map(({ address }) => hex(address))).to.deep.equal(expected);
      // Nothing else is looked up.
      expect(stages.leaves({ ...range, maxPieces: 4 }).result.complete).to.equal(true);
    });

    it('of no page', () => {
      const stages = new Stages();
      stages.guest.map(AT, GIB);
      stages.ept.map(GIB, 3n * GIB, HUGE);
      expect(stages.leaves({ firstPage: 1, lastPage: 0 }).found).to.deep.equal([]);
    });

    it('up to the end of the address space', () => {
      const stages = new Stages();
      stages.guest.map(0xffff_ffff_ffff_f000n, GIB);
      stages.guest.map(0n, GIB);
      stages.ept.map(GIB, 3n * GIB, HUGE);
      const last = 2 ** 36 - 1;
      expect(stages.leaves({ firstPage: last, lastPage: last }).found.map(showLeaf)).to.deep.equal([
        '0xfffffffffffff000 4K rwxu 0xc0000000',
      ]);
    });
  });

  describe('without paging in one stage', () => {
    const off = machineIn('off');
    const unpaged = createContext(off.registers, off.processor);

    it("has the second stage's pages where the guest does not page, up to 4 GB", () => {
      const stages = new Stages();
      stages.ept.map(GIB, 3n * GIB, { ...HUGE, rights: EPT.read | EPT.exec });
      stages.ept.map(3n * GIB + 0xffff_f000n - 3n * GIB, 0x5000n);
      stages.ept.map(4n * GIB, 5n * GIB, HUGE);
      const found: string[] = [];
      const { nested, guest } = stages;
      const take = (leaf: MappedLeaf): boolean => found.push(showLeaf(leaf)) > 0;
      const end = enumerateLeaves(unpaged, pageSourceOf(guest.memory), take, { nested });
      expect(end, 'the guest has no tables').to.deep.equal({
        tables: 0,
        reservedEntries: 0,
        unbackedTables: 0,
        complete: true,
      });
      expect(found).to.deep.equal([
        '0x0 2048K rwxu 0x0',
        '0x40000000 1048576K r-xu 0xc0000000',
        '0xfffff000 4K rwxu 0x5000',
      ]);
    });

    it("has the guest's pages where its hypervisor does not page, and none where neither does", () => {
      const { processor } = machineIn('off', { vendor: 'amd' });
      const nested = createNpt({ cr0: 0x11n, nestedCr3: 0n, cr4: 0n, efer: 0n }, processor);
      const stages = new Stages();
      stages.guest.map(AT, GIB, { size: Number(GIB) });
      stages.guest.map(AT + GIB, 5n * GIB);
      const leavesOf = (context: PagingContext): readonly string[] => {
        const found: string[] = [];
        const take = (leaf: MappedLeaf): boolean => found.push(showLeaf(leaf)) > 0;
        expect(enumerateLeaves(context, pageSourceOf(stages.guest.memory), take, { nested }).complete).to.equal(true);
        return found;
      };
      // Such a hypervisor's addresses end at 4 GB.
      expect(leavesOf(stages.context)).to.deep.equal(['0x80000000 1048576K rwxu 0x40000000']);
      expect(leavesOf(unpaged)).to.deep.equal([]);
    });
  });

  it('folds what the guest sees of its memory where A20 is masked, and not the host', () => {
    const stages = new Stages();
    stages.changes = { a20: false };
    stages.guest.map(AT, GIB, { size: Number(MIB_2) });
    stages.ept.map(GIB, 0x10_0000n);
    stages.ept.map(GIB + 0x10_0000n, 0x20_0000n);
    expect(stages.leaves().found.map(showLeaf)).to.deep.equal([
      '0x80000000 4K rwxu 0x100000',
      '0x80100000 4K rwxu 0x100000',
    ]);
  });

  it("finds every way to a page of the host: by the guest's tables, and by those of the second stage", () => {
    const stages = new Stages();
    stages.guest.map(AT, GIB);
    stages.guest.map(AT + 0x3000n, GIB);
    stages.guest.map(AT + 0x5000n, GIB + 0x1000n);
    stages.guest.map(AT + GIB, GIB, { size: Number(MIB_2) });
    stages.ept.map(GIB, 3n * GIB);
    stages.ept.map(GIB + 0x1000n, 3n * GIB);
    stages.ept.map(GIB + 0x2000n, 4n * GIB);
    const found = stages.aliases(3n * GIB + 0x123n, 3n * GIB + 0x123n);
    expect(found.map(({ first, pageSizeBytes }) => `${hex(first)} ${pageSizeBytes}`)).to.deep.equal([
      '0x80000123 4096',
      '0x80003123 4096',
      '0x80005123 4096',
      '0xc0000123 4096',
      '0xc0001123 4096',
    ]);
    // What is guest physical memory to the guest is none of these.
    expect(stages.aliases(GIB, GIB + 0xfffn)).to.deep.equal([]);
  });
});

describe('paging/changedNestedRanges', () => {
  const page = Number(AT >> 12n);

  function stagesWithPages(): Stages {
    const stages = new Stages();
    stages.guest.map(AT, GIB);
    stages.guest.map(AT + 0x1000n, GIB + 0x5000n);
    stages.guest.map(AT + MIB_2, GIB, { size: Number(MIB_2) });
    for (let at = 0n; at < 512n; at += 1n) stages.ept.map(GIB + at * 0x1000n, 3n * GIB + at * 0x1000n);
    return stages;
  }

  it("are none where nothing changed, and the guest's own", () => {
    const stages = stagesWithPages();
    expect(stages.changed(() => {})).to.deep.equal([]);
    expect(stages.changed(() => stages.guest.edit(AT, 1, { set: 0x40n }))).to.deep.equal([`${page}-${page}`]);
  });

  it('are all pages that lead to where the second stage changed', () => {
    const stages = stagesWithPages();
    const moved = stages.changed(() => stages.ept.map(GIB + 0x5000n, 0x9000n));
    expect(moved).to.deep.equal([`${page + 1}-${page + 1}`, `${page + 512 + 5}-${page + 512 + 5}`]);
    const gone = stages.changed(() => stages.ept.map(GIB, 0n, { rights: 0n }));
    expect(gone).to.deep.equal([`${page}-${page}`, `${page + 512}-${page + 512}`]);
    expect(stages.changed(() => stages.ept.map(2n * GIB, 0n))).to.deep.equal([]);
  });

  it('are those below an entry of the second stage that has other rights: reading is one', () => {
    for (const shift of [21n, 30n]) {
      for (const right of [EPT.write, EPT.exec, EPT.read]) {
        const stages = stagesWithPages();
        const address = stages.ept.entryAddress(GIB, shift);
        const open = stages.guest.peek(address);
        // What can be written can be read.
        if (right === EPT.read) stages.ept.poke(address, open & ~EPT.write);
        const all = [`${page}-${page + 1}`, `${page + 512}-${page + 1023}`];
        const take = () => stages.ept.poke(address, stages.guest.peek(address) & ~right);
        expect(stages.changed(take)).to.deep.equal(all);
      }
    }
  });

  it("are what a guest's table has that lies elsewhere in the host now", () => {
    const stages = stagesWithPages();
    const changed = stages.changed(() => {
      const { memory } = stages.guest;
      stages.ept.poke(stages.ept.entryAddress(0n, 21n), 0n);
      // The page table is at 0x4000; another takes its place, with one entry of the two.
      memory.addPage(0x9000n);
      memory.poke(0x9000n, 8, GIB | 7n);
      for (let at = 0n; at < 9n; at += 1n) stages.ept.map(at * 0x1000n, (at === 4n ? 9n : at) * 0x1000n);
    });
    expect(changed).to.deep.equal([`${page + 1}-${page + 1}`]);
  });

  it('are ranges of linear addresses too where the guest does not page', () => {
    const stages = stagesWithPages();
    const { registers, processor } = machineIn('off');
    const context = createContext(registers, processor);
    const before = { ...stages.atOnce, context };
    stages.ept.map(GIB + 0x5000n, 0x9000n);
    stages.ept.map(5n * GIB, 0x9000n);
    const firstPage = Number(GIB >> 12n) + 5;
    expect(changedNestedRanges(before, { ...stages.atOnce, context })).to.deep.equal([
      { firstPage, lastPage: firstPage },
    ]);
  });

  it('are everything where there are more tables than are gone through', () => {
    const stages = stagesWithPages();
    const before = stages.atOnce;
    stages.ept.map(GIB + 0x5000n, 0x9000n);
    const everything = { firstPage: 0, lastPage: 2 ** 36 - 1 };
    expect(changedNestedRanges(before, stages.atOnce, 2)).to.deep.equal([everything]);
  });

  it('are everything where the second stages cannot be compared', () => {
    const everything = [{ firstPage: 0, lastPage: 2 ** 36 - 1 }];
    const one = stagesWithPages().atOnce;
    const withFlags = stagesWithPages();
    withFlags.eptp |= 0x40n;
    const withModes = stagesWithPages();
    withModes.capabilities = { modeBasedExecute: true };
    const { registers, processor } = machineIn('4-level', { vendor: 'amd' });
    const npt = createNpt({ ...registers, nestedCr3: registers.cr3 }, processor);
    for (const other of [withFlags.atOnce, withModes.atOnce, { ...one, nested: npt }]) {
      expect(changedNestedRanges(one, other)).to.deep.equal(everything);
    }
    const withoutExecuteOnly = stagesWithPages();
    withoutExecuteOnly.capabilities = { executeOnly: false };
    // Every entry may now mean something else: all that is mapped, the guest's tables too.
    expect(changedNestedRanges(one, withoutExecuteOnly.atOnce).map(({ firstPage }) => firstPage)).to.include(page);
  });
});
