import { expect } from 'chai';
import { findRomEntries } from '../../../../src/guest/answers/rom-entries.ts';
import { MemoryMap } from '../../../../src/guest/memory/memory-map.ts';
import { createContext, createNpt, translate, translateNested } from '../../../../src/paging/index.ts';
import { region } from '../../../support/fakes/region.ts';

const READ = { write: false, user: false, exec: false };
const REGISTERS = { cr0: 0x8001_0011n, cr3: 0x1000n, cr4: 0x20n, efer: 0xd00n };
const CONTEXT = createContext(REGISTERS, { maxPhyAddr: 40 });
/** RAM below 1 MB, of which PAM registers show a part as ROM. */
const MAP = new MemoryMap(
  (
    [
      [0n, 0xb_ffffn, 'ram'],
      [0xc_0000n, 0xd_ffffn, 'rom'],
      [0x10_0000n, 0xffff_ffffn, 'ram'],
    ] as const
  ).map(([first, last, kind]) => region(kind, first, last)),
);

const memoryOf = (entries: Readonly<Record<number, bigint>>) => ({
  readEntry: (address: bigint) => entries[Number(address)] ?? null,
});

describe('guest/findRomEntries', () => {
  it('names the entries of a walk that lie in shadowed ROM', () => {
    const memory = memoryOf({ [0x1000]: 0xc_0027n, [0xc_0000]: 0xd_0027n, [0xd_0000]: 0x4027n, [0x4028]: 0x5067n });
    const found = findRomEntries(MAP, translate(CONTEXT, memory, 0x5123n, READ), null);
    expect(found.map(({ stage, level, address, region }) => [stage, level, address, region.name])).to.deep.equal([
      ['guest', 3, 0xc_0000n, 'pc.ram'],
      ['guest', 2, 0xd_0000n, 'pc.ram'],
    ]);
  });

  it('looks where the second stage puts the entries of a nested guest, and at its own, once', () => {
    // The second stage puts the guest's PML4 in ROM, and the last of its own tables lies there.
    const nested = createNpt({ ...REGISTERS, nestedCr3: 0x10_0000n }, { maxPhyAddr: 40 });
    const memory = memoryOf({
      [0x10_0000]: 0x10_1067n,
      [0x10_1000]: 0x10_2067n,
      [0x10_2000]: 0xd_0067n,
      [0xd_0008]: 0xc_1067n,
      [0xd_0010]: 0x20_2067n,
      [0xd_0018]: 0x20_3067n,
      [0xd_0020]: 0x20_4067n,
      [0xd_0028]: 0x20_5067n,
      [0xc_1000]: 0x2027n,
      [0x20_2000]: 0x3027n,
      [0x20_3000]: 0x4027n,
      [0x20_4028]: 0x5067n,
    });
    const both = translateNested(CONTEXT, nested, memory, 0x5123n, READ);
    if (both.kind !== 'mapped') throw new Error(both.kind);
    const found = findRomEntries(MAP, both.guest, both);
    expect(found.map(({ stage, level, address }) => `${stage} ${level} 0x${address.toString(16)}`)).to.deep.equal([
      'guest 4 0x1000',
      'nested 1 0xd0008',
      'nested 1 0xd0010',
      'nested 1 0xd0018',
      'nested 1 0xd0020',
      'nested 1 0xd0028',
    ]);
  });
});
