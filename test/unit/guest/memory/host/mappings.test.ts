import { expect } from 'chai';
import {
  type Mapping,
  mappingsOf,
  parseMappings,
  sharedFileOffset,
} from '../../../../../src/guest/memory/host/mappings.ts';

/** As Linux prints them. */
const MAPS = [
  '10000-14000 rw-s 00002000 08:01 131074                     /dev/shm/ram',
  '14000-18000 r--p 00000000 00:00 0 ',
  '1c000-1d000 -w-s 00001000 12345:67890abc 7                 /a b',
  'ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0    [vsyscall]',
  '1fffff00000000-1fffffffffffff rw-p 1fffffffffffff 00:10 1',
  '20000-21000 rw-p 20000000000000 00:00 0',
  '20000-20000000000000 rw-p 0 00:00 0',
  'nonsense',
  '10-',
  '-10',
  '30000-31000 r--p xyz 00:00 0',
  '40000-41000',
  '50000-51000 r--s 0 7',
  '',
].join('\n');

const [RAM, ANONYMOUS, UNREADABLE] = [
  {
    range: '10000-14000',
    first: 0x10000,
    end: 0x14000,
    isReadable: true,
    isShared: true,
    offset: 0x2000,
    device: 0x801n,
    inode: 131074n,
  },
  {
    range: '14000-18000',
    first: 0x14000,
    end: 0x18000,
    isReadable: true,
    isShared: false,
    offset: 0,
    device: 0n,
    inode: 0n,
  },
  {
    range: '1c000-1d000',
    first: 0x1c000,
    end: 0x1d000,
    isReadable: false,
    isShared: true,
    offset: 0x1000,
    // As stat(2) puts 32 bits of each together: the lower ones of both numbers come first.
    device: 0x1_2678_90a3_45bcn,
    inode: 7n,
  },
] as const satisfies readonly Mapping[];

describe('what a process has mapped', () => {
  it('is what the kernel prints, but for lines that are of no use', () => {
    expect(parseMappings(MAPS)).to.deep.equal([
      RAM,
      ANONYMOUS,
      UNREADABLE,
      {
        range: '1fffff00000000-1fffffffffffff',
        first: 0x1f_ffff_0000_0000,
        end: Number.MAX_SAFE_INTEGER,
        isReadable: true,
        isShared: false,
        offset: Number.MAX_SAFE_INTEGER,
        device: 0x10n,
        inode: 1n,
      },
      {
        range: '50000-51000',
        first: 0x50000,
        end: 0x51000,
        isReadable: true,
        isShared: true,
        offset: 0,
        device: 0x700n,
        inode: 0n,
      },
    ]);
    expect(parseMappings('')).to.deep.equal([]);
  });

  it('holds a piece of memory that lies in it from its first byte to its last', () => {
    const all = [RAM, ANONYMOUS];
    expect(mappingsOf(all, 0x10000, 0x4000)).to.deep.equal([RAM]);
    expect(mappingsOf(all, 0x10000, 1)).to.deep.equal([RAM]);
    expect(mappingsOf(all, 0x13fff, 1)).to.deep.equal([RAM]);
    expect(mappingsOf(all, 0x14000, 0x4000)).to.deep.equal([ANONYMOUS]);
    expect(mappingsOf(all, 0x13fff, 2)).to.deep.equal([RAM, ANONYMOUS]);
    expect(mappingsOf(all, 0x10000, 0x8000)).to.deep.equal([RAM, ANONYMOUS]);
  });

  it('does not hold what is not mapped, nor what cannot be read', () => {
    const all = [RAM, ANONYMOUS, UNREADABLE];
    expect(mappingsOf(all, 0xffff, 2), 'before').to.equal(undefined);
    expect(mappingsOf(all, 0x17fff, 2), 'behind').to.equal(undefined);
    expect(mappingsOf(all, 0x17000, 0x5000), 'into a gap').to.equal(undefined);
    expect(mappingsOf(all, 0x17000, 0x6000), 'across a gap').to.equal(undefined);
    expect(mappingsOf([RAM, { ...UNREADABLE, isReadable: true }], 0x10000, 0xd000), 'across a gap').to.equal(undefined);
    expect(mappingsOf(all, 0x1c000, 0x1000), 'not readable').to.equal(undefined);
    const inside = { ...ANONYMOUS, isReadable: false };
    expect(mappingsOf([RAM, inside], 0x10000, 0x8000), 'not readable to its end').to.equal(undefined);
    expect(mappingsOf([inside, { ...RAM, first: 0x18000, end: 0x1c000 }], 0x14000, 0x8000)).to.equal(undefined);
    expect(mappingsOf([], 0x10000, 1)).to.equal(undefined);
  });

  it('is a place in a file where all of it is shared with one, in one piece', () => {
    const next: Mapping = { ...RAM, range: '14000-18000', first: 0x14000, end: 0x18000, offset: 0x6000 };
    expect(sharedFileOffset([RAM], 0x10000)).to.equal(0x2000);
    expect(sharedFileOffset([RAM], 0x12345)).to.equal(0x4345);
    expect(sharedFileOffset([RAM, next], 0x12345)).to.equal(0x4345);
    for (const change of [
      { isShared: false },
      { inode: 0n },
      { inode: 131075n },
      { device: 0x802n },
      { offset: 0x7000 },
      { first: 0x15000 },
    ]) {
      expect(sharedFileOffset([RAM, { ...next, ...change }], 0x12345), String(Object.keys(change))).to.equal(undefined);
    }
    expect(sharedFileOffset([{ ...RAM, isShared: false }], 0x10000)).to.equal(undefined);
    expect(sharedFileOffset([{ ...RAM, inode: 0n }], 0x10000)).to.equal(undefined);
  });
});
