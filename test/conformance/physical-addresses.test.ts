import { expect } from 'chai';
import { planBits, type Translation } from '../../src/paging/index.ts';
import { memoryOf } from '../support/builders/hand-made-memory.ts';
import { hex } from '../support/judge/describe-translation.ts';
import { formatVerdict } from '../support/judge/format-verdict.ts';
import { translateByBoth } from '../support/judge/translate-by-both.ts';
import { accessOf, type MachineChanges, machineIn } from '../support/reference/reference-machine.ts';
import type { ReferenceMode } from '../support/reference/reference-translation.ts';

// Linear 0x0000_1234_5678_9abc: PML4 index 36, PDPT 209, PD 179, PT 393, offset 0xabc.
const long = 0x1234_5678_9abcn;
const pml4e = '0x1120'; // 0x1000 + 36 * 8
const pdpte = '0x2688'; // 0x2000 + 209 * 8
const pde = '0x3598'; // 0x3000 + 179 * 8
const pte = '0x4c48'; // 0x4000 + 393 * 8
const open = { [pml4e]: 0x2007n, [pdpte]: 0x3007n, [pde]: 0x4007n, [pte]: 0x5007n };
const a20 = 1n << 20n;

function translateIn(
  mode: ReferenceMode,
  entries: Readonly<Record<string, bigint>>,
  linear: bigint,
  access: string,
  changes: MachineChanges,
): Translation {
  return translateByBoth(machineIn(mode, changes), memoryOf(entries), linear, accessOf(access));
}

const verdict = (...question: Parameters<typeof translateIn>): string => formatVerdict(translateIn(...question));

describe('physical addresses: the A20 gate', () => {
  it('masks bit 20 of the page, whether entry or offset say it', () => {
    const entries = { ...open, [pte]: 0x30_5007n };
    expect(verdict('4-level', entries, long, '', { a20: false })).to.equal('0x205abc 4096 wux');
    expect(verdict('4-level', entries, long, '', { a20: true })).to.equal('0x305abc 4096 wux');
    // Offset 0x18_9abc of a 2 MiB page, 0x1678_9abc of a 1 GiB page: bit 20 is 1 and 1.
    const large = { ...open, [pde]: 0x4000_0087n };
    expect(verdict('4-level', large, long, '', { a20: false })).to.equal('0x40089abc 2097152 wux');
    expect(verdict('4-level', large, long, '', {})).to.equal('0x40189abc 2097152 wux');
    const huge = { ...open, [pdpte]: 0x12_4000_0087n };
    expect(verdict('4-level', huge, long, '', { a20: false })).to.equal('0x1256689abc 1073741824 wux');
  });

  it('masks bit 20 of every table, and says where the entry really lies', () => {
    const entries = { [pml4e]: 0x2007n | a20, [pdpte]: 0x3007n | a20, [pde]: 0x4007n | a20, [pte]: 0x5006n };
    const closed = { a20: false, cr3: 0x1000n | a20 };
    expect(verdict('4-level', entries, long, 'w', closed)).to.equal('not-present 2 1:0x4c48');
    expect(verdict('4-level', entries, long, 'w', { ...closed, a20: true })).to.equal('unbacked-table - 4:0x101120');
    const translation = translateIn('4-level', entries, long, 'w', closed);
    expect(translation.steps.map(({ address }) => hex(address))).to.deep.equal([pml4e, pdpte, pde, pte]);
  });

  it('holds in every mode, also without paging', () => {
    expect(verdict('off', {}, 0xfff0_1234n, '', { a20: false })).to.equal('0xffe01234 null wux');
    // PD index 789, PT index 632; PDPT index 3, PD 43, PT 120.
    const legacy = 0xc567_89abn;
    const two = { '0x1c54': 0x10_2007n, '0x29e0': 0xffff_f007n };
    expect(verdict('32-bit', two, legacy, '', { a20: false, cr3: 0x10_1000n })).to.equal('0xffeff9ab 4096 wux');
    const three = { '0x1ff8': 0x10_3001n, '0x3158': 0x10_4007n, '0x43c0': 0x10_5007n };
    expect(verdict('pae', three, legacy, '', { a20: false, cr3: 0x10_1fe0n })).to.equal('0x59ab 4096 wux');
  });
});

describe("physical addresses: SEV's C-bit", () => {
  const cBit = 1n << 47n;
  const marked = Object.fromEntries(Object.entries(open).map(([address, entry]) => [address, entry | cBit]));
  const machine = { maxPhyAddr: 43, encryptionBit: 47, cr3: 0x1000n | cBit };

  it('is in no address and is not reserved, in entries and in CR3', () => {
    expect(verdict('4-level', marked, long, 'uw', machine)).to.equal('0x5abc 4096 wux');
    expect(verdict('4-level', { ...marked, [pde]: 0x4000_0087n | cBit }, long, '', machine)).to.equal(
      '0x40189abc 2097152 wux',
    );
    expect(verdict('4-level', { ...marked, [pdpte]: 0x12_4000_0087n | cBit }, long, '', machine)).to.equal(
      '0x1256789abc 1073741824 wux',
    );
    const pml5 = { ...marked, '0x6558': 0x1007n | cBit };
    expect(verdict('5-level', pml5, 0xab_1234_5678_9abcn, '', { ...machine, cr3: 0x6000n | cBit })).to.equal(
      '0x5abc 4096 wux',
    );
    expect(verdict('4-level', open, long, 'uw', machine)).to.equal('0x5abc 4096 wux');
  });

  it('leaves its neighbours reserved, and is reserved itself on a processor without SEV', () => {
    for (const position of [43n, 46n, 48n, 51n]) {
      const entries = { ...marked, [pde]: 0x4007n | cBit | (1n << position) };
      expect(verdict('4-level', entries, long, '', machine), `bit ${position}`).to.equal('reserved-bits 9 2:0x3598');
    }
    expect(verdict('4-level', marked, long, '', { maxPhyAddr: 43 })).to.equal('reserved-bits 9 4:0x1120');
  });

  it('may lie among the address bits that MAXPHYADDR counts', () => {
    const low = { ...open, [pde]: 0x4007n | (1n << 39n), [pte]: 0x5007n | (1n << 39n) | (1n << 38n) };
    expect(verdict('4-level', low, long, '', { maxPhyAddr: 40, encryptionBit: 39 })).to.equal('0x4000005abc 4096 wux');
  });

  it('is shown with the entry, and survives in what is written back', () => {
    const translation = translateIn('4-level', marked, long, 'w', machine);
    expect(translation.steps.map(({ value }) => hex(value))).to.deep.equal(
      [pml4e, pdpte, pde, pte].map((address) => hex(marked[address] ?? 0n)),
    );
    const plan = planBits(translation, { setAccessed: true, setDirty: true, forceSetAccessed: false });
    expect(plan.map(({ value }) => hex(value & cBit))).to.deep.equal(Array(4).fill(hex(cBit)));
  });

  it('exists in all three levels of PAE paging, and not in 32-bit paging', () => {
    const legacy = 0xc567_89abn;
    const three = { '0x1ff8': 0x3001n | cBit, '0x3158': 0x4007n | cBit, '0x43c0': 0x5007n | cBit };
    const pae = { ...machine, cr3: 0x1fe0n };
    expect(verdict('pae', three, legacy, 'uw', pae)).to.equal('0x59ab 4096 wux');
    expect(verdict('pae', { ...three, '0x3158': 0xa0_0087n | cBit }, legacy, 'uw', pae)).to.equal(
      '0xa789ab 2097152 wux',
    );
    const two = { '0x1c54': 0x2007n, '0x29e0': 0xffff_f007n };
    expect(verdict('32-bit', two, legacy, '', { ...machine, cr3: 0x1000n })).to.equal('0xfffff9ab 4096 wux');
  });
});

describe('physical addresses: PDPTE registers', () => {
  // Linear 0xc567_89ab: PDPT index 3, PD 43, PT 120, offset 0x9ab. CR3 0x1fe0: the PDPT ends its page.
  const linear = 0xc567_89abn;
  const tables = { '0x1ff8': 0x3001n, '0x3158': 0x4007n, '0x43c0': 0x5007n };
  const cr3 = 0x1fe0n;
  const pdptes = [0x9001n, 0xa001n, 0n, 0x3001n] as const;

  it('count, and not what memory holds by now', () => {
    expect(verdict('pae', { ...tables, '0x1ff8': 0n }, linear, 'uw', { cr3, pdptes })).to.equal('0x59ab 4096 wux');
    expect(verdict('pae', { ...tables, '0x1ff8': 0x1e7n }, linear, '', { cr3, pdptes })).to.equal('0x59ab 4096 wux');
    const emptied = [0n, 0n, 0n, 0n] as const;
    expect(verdict('pae', tables, linear, 'w', { cr3, pdptes: emptied })).to.equal('not-present 2 3:0x1ff8');
    const elsewhere = [0n, 0n, 0n, 0x7001n] as const;
    expect(verdict('pae', tables, linear, '', { cr3, pdptes: elsewhere })).to.equal('not-present 0 2:0x7158');
  });

  it('are chosen by bits 31:30', () => {
    const at = (index: bigint) => (linear & 0x3fff_ffffn) | (index << 30n);
    expect(verdict('pae', tables, at(0n), '', { cr3, pdptes })).to.equal('not-present 0 2:0x9158');
    expect(verdict('pae', tables, at(1n), '', { cr3, pdptes })).to.equal('not-present 0 2:0xa158');
    expect(verdict('pae', tables, at(2n), '', { cr3, pdptes })).to.equal('not-present 0 3:0x1ff0');
  });

  it('need no memory where CR3 points, and are a step all the same, to which nothing is written', () => {
    const translation = translateIn('pae', tables, linear, 'w', { cr3: 0xffff_ffe0n, pdptes });
    expect(formatVerdict(translation)).to.equal('0x59ab 4096 wux');
    expect(
      translation.steps.map(({ level, address, value }) => `${level} ${hex(address)} ${hex(value)}`),
    ).to.deep.equal(['3 0xfffffff8 0x3001', '2 0x3158 0x4007', '1 0x43c0 0x5007']);
    const plan = planBits(translation, { setAccessed: true, setDirty: true, forceSetAccessed: false });
    expect(plan.map(({ level }) => level)).to.deep.equal([2, 1]);
  });

  it('are not read from memory', () => {
    const reads: string[] = [];
    const memory = memoryOf(tables);
    const recording = {
      readEntry: (address: bigint, size: 4 | 8) => {
        reads.push(hex(address));
        return memory.readEntry(address, size);
      },
    };
    translateByBoth(machineIn('pae', { cr3, pdptes }), recording, linear, accessOf('u'));
    expect(reads).to.deep.equal(['0x3158', '0x43c0', '0x3158', '0x43c0']);
  });

  it('do not exist in other modes', () => {
    expect(verdict('4-level', open, long, '', { pdptes })).to.equal('0x5abc 4096 wux');
    const two = { '0x1c54': 0x2007n, '0x29e0': 0xffff_f007n };
    expect(verdict('32-bit', two, linear, '', { pdptes })).to.equal('0xfffff9ab 4096 wux');
  });
});
