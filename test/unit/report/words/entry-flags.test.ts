import { expect } from 'chai';
import type { PagingMode, WalkStep } from '../../../../src/paging/index.ts';
import { entryFlags } from '../../../../src/report/index.ts';

const PTE: WalkStep = {
  table: 'PT',
  level: 1,
  index: 0,
  address: 0n,
  value: 1n,
  sizeBytes: 8,
  hasAccessed: true,
  usageBits: { accessed: 0x20n, dirty: 0x40n },
  leaf: true,
};

const flagsOf = (value: bigint, step: Partial<WalkStep> = {}, mode: PagingMode = '4-level'): string =>
  entryFlags({ ...PTE, ...step, value }, mode).join(' ');

describe('report/entryFlags', () => {
  it('names each bit of a page as the manuals do', () => {
    for (const [bit, name] of [
      [1n, 'P RW SU'],
      [2n, 'P RO US'],
      [3n, 'P RO SU PWT'],
      [4n, 'P RO SU PCD'],
      [5n, 'P RO SU A'],
      [6n, 'P RO SU D'],
      [7n, 'P RO SU PAT'],
      [8n, 'P RO SU G'],
      [63n, 'P RO SU XD'],
    ] as const) {
      expect(flagsOf(1n | (1n << bit)), `bit ${bit}`).to.equal(name);
    }
    for (const bit of [9n, 10n, 11n, 12n, 51n, 52n, 58n]) expect(flagsOf(1n | (1n << bit))).to.equal('P RO SU');
  });

  it('has PAT of a large page in bit 12, and PS in bit 7', () => {
    expect(flagsOf(0x1081n, { table: 'PD', level: 2 })).to.equal('P RO SU PS PAT');
    expect(flagsOf(0x81n, { table: 'PD', level: 2 })).to.equal('P RO SU PS');
    expect(flagsOf(0x1001n)).to.equal('P RO SU');
  });

  it('has D, G, PAT and keys of pages alone, and PS where it means something', () => {
    const table = { table: 'PD', level: 2, leaf: false } as const;
    expect(flagsOf((5n << 59n) | 0x1141n, table)).to.equal('P RO SU');
    expect(flagsOf(0x81n, table)).to.equal('P RO SU PS');
    // A PDE of 32-bit paging without CR4.PSE ignores it.
    expect(flagsOf(0x81n, { ...table, sizeBytes: 4 }, '32-bit')).to.equal('P RO SU');
    expect(flagsOf(0x81n, { ...table, sizeBytes: 4, leaf: true }, '32-bit')).to.equal('P RO SU PS');
  });

  it('has keys in modes of 64 bits, and a bit 63 in entries that have one', () => {
    for (const mode of ['4-level', '5-level'] as const) {
      for (let key = 1n; key < 16n; key += 1n)
        expect(flagsOf((key << 59n) | 1n, {}, mode)).to.equal(`P RO SU key ${key}`);
    }
    expect(flagsOf((15n << 59n) | 1n, {}, 'pae')).to.equal('P RO SU');
    expect(flagsOf((1n << 63n) | 1n, { sizeBytes: 4 }, '32-bit')).to.equal('P RO SU');
  });

  it('has no rights of an entry that has none, and nothing of one that is not present', () => {
    const pdpte = { table: 'PDPT', level: 3, leaf: false, hasAccessed: false } as const;
    expect(flagsOf(0x19n, pdpte, 'pae')).to.equal('P PWT PCD');
    expect(flagsOf(0xe7n, pdpte, 'pae')).to.equal('P');
    expect(flagsOf(0xffff_ffff_ffff_fffen)).to.equal('P=0');
  });
});
