import { expect } from 'chai';
import {
  effectiveMemoryType,
  type MemoryType,
  type MemoryTypeRegisters,
  mtrrTypeAt,
  type VariableMtrr,
} from '../../../../src/paging/index.ts';

const UC = 0n;
const WC = 1n;
const WT = 4n;
const WP = 5n;
const WB = 6n;
const NAMES: Readonly<Record<string, MemoryType>> = { 0: 'UC', 1: 'WC', 4: 'WT', 5: 'WP', 6: 'WB' };
const E = 0x800n;
const FE = 0x400n;
const CD = 1n << 30n;

/** As the processor comes out of reset: WB, WT, UC-, UC, twice. */
const RESET_PAT = 0x0007_0406_0007_0406n;
/** A byte for each encoding that exists: UC, WC, WT, WP, WB, UC-, and UC twice. */
const EVERY_PAT = 0x0000_0706_0504_0100n;

const PWT = 1n << 3n;
const PCD = 1n << 4n;
const PAT_4K = 1n << 7n;
const PAT_LARGE = 1n << 12n;

const NO_MTRRS: MemoryTypeRegisters = {
  cr0: 0n,
  maxPhyAddr: 40,
  pat: RESET_PAT,
  mtrrDefType: E | WB,
  mtrrFixed: Array.from({ length: 11 }, () => 0n),
  mtrrVariable: [],
};

const registersWith = (change: Partial<MemoryTypeRegisters>): MemoryTypeRegisters => ({ ...NO_MTRRS, ...change });

/** The pair that covers `size` bytes, a power of two, from an address that is aligned to it. */
function variable(base: bigint, size: bigint, type: bigint, maxPhyAddr = 40): VariableMtrr {
  return { base: base | type, mask: (BigInt.asUintN(maxPhyAddr, -size) & ~0xfffn) | 0x800n };
}

describe('what the MTRRs say of an address', () => {
  it('is the default type where no range is', () => {
    for (const type of [UC, WC, WT, WP, WB]) {
      expect(mtrrTypeAt(registersWith({ mtrrDefType: E | FE | type }), 0x10_0000n)).to.equal(NAMES[Number(type)]);
    }
  });

  it('is uncached while they are off, and write-back where there are none', () => {
    expect(mtrrTypeAt(registersWith({ mtrrDefType: FE | WB }), 0x1000n)).to.equal('UC');
    expect(mtrrTypeAt(registersWith({ mtrrDefType: 0n, hasMtrrs: false }), 0x1000n)).to.equal('WB');
  });

  it('below 1 MB is one byte of the eleven fixed registers for each range', () => {
    // Where each of the 88 ranges begins; each in turn is the only one that is write-protected.
    const starts = [
      ...Array.from({ length: 8 }, (_, at) => at * 0x1_0000),
      ...Array.from({ length: 16 }, (_, at) => 0x8_0000 + at * 0x4000),
      ...Array.from({ length: 64 }, (_, at) => 0xc_0000 + at * 0x1000),
    ];
    starts.forEach((start, range) => {
      const end = starts[range + 1] ?? 0x10_0000;
      const mtrrFixed = NO_MTRRS.mtrrFixed.map((_, register) =>
        register === range >> 3 ? WP << BigInt(8 * (range & 7)) : 0n,
      );
      const registers = registersWith({ mtrrDefType: E | FE | WB, mtrrFixed });
      const types = [start - 1, start, end - 1, end].map(
        (address) => address >= 0 && mtrrTypeAt(registers, BigInt(address)),
      );
      const above = end === 0x10_0000 ? 'WB' : 'UC';
      expect(types, start.toString(16)).to.deep.equal([start > 0 && 'UC', 'WP', 'WP', above]);
    });
  });

  it('below 1 MB is a variable range’s where fixed ranges are off', () => {
    const mtrrVariable = [variable(0n, 0x10_0000n, WT)];
    const fixed = { mtrrFixed: NO_MTRRS.mtrrFixed.map(() => 0x0505_0505_0505_0505n), mtrrVariable };
    expect(mtrrTypeAt(registersWith({ ...fixed, mtrrDefType: E | WB }), 0x5000n)).to.equal('WT');
    expect(mtrrTypeAt(registersWith({ ...fixed, mtrrDefType: E | FE | WB }), 0x5000n)).to.equal('WP');
  });

  it('is a variable range’s from its first byte to its last', () => {
    const registers = registersWith({ mtrrVariable: [variable(0xc000_0000n, 0x4000_0000n, WC)] });
    const types = [0xbfff_ffffn, 0xc000_0000n, 0xffff_ffffn, 0x1_0000_0000n].map((at) => mtrrTypeAt(registers, at));
    expect(types).to.deep.equal(['WB', 'WC', 'WC', 'WB']);
    const smallest = registersWith({ mtrrVariable: [variable(0xc000_1000n, 0x1000n, WC)] });
    const around = [0xc000_0fffn, 0xc000_1000n, 0xc000_1fffn, 0xc000_2000n].map((at) => mtrrTypeAt(smallest, at));
    expect(around).to.deep.equal(['WB', 'WC', 'WC', 'WB']);
  });

  it('is no range’s that is not valid, or that lies above MAXPHYADDR', () => {
    const { base, mask } = variable(0xc000_0000n, 0x4000_0000n, WC);
    expect(mtrrTypeAt(registersWith({ mtrrVariable: [{ base, mask: mask & ~0x800n }] }), 0xc000_0000n)).to.equal('WB');
    // The bits of base and mask from MAXPHYADDR up do not exist.
    const high = { base: base | (1n << 40n), mask: mask | (1n << 40n) };
    expect(mtrrTypeAt(registersWith({ mtrrVariable: [high] }), 0xc000_0000n)).to.equal('WC');
    expect(mtrrTypeAt(registersWith({ mtrrVariable: [high], maxPhyAddr: 41 }), 0xc000_0000n)).to.equal('WB');
  });

  it('is UC where ranges overlap with UC, WT where WT and WB do, and UC where the manual does not say', () => {
    const overlaps: readonly (readonly [bigint[], MemoryType])[] = [
      [[WB, WB], 'WB'],
      [[WC, WC], 'WC'],
      [[UC, WB], 'UC'],
      [[WB, UC], 'UC'],
      [[WT, WB], 'WT'],
      [[WB, WT], 'WT'],
      [[WB, WT, WB], 'WT'],
      [[WB, WT, UC], 'UC'],
      [[WC, WB], 'UC'],
      [[WP, WT], 'UC'],
      [[WB, WP, WB], 'UC'],
    ];
    for (const [types, expected] of overlaps) {
      const mtrrVariable = types.map((type) => variable(0x8000_0000n, 0x1000_0000n, type));
      expect(mtrrTypeAt(registersWith({ mtrrVariable }), 0x8000_0000n), types.join()).to.equal(expected);
    }
  });

  it('is uncached where an encoding is reserved, or a register is not there', () => {
    for (const type of [2n, 3n, 7n, 0xffn]) {
      expect(mtrrTypeAt(registersWith({ mtrrDefType: E | type }), 0x10_0000n)).to.equal('UC');
    }
    expect(mtrrTypeAt(registersWith({ mtrrDefType: E | FE | WB, mtrrFixed: [] }), 0n)).to.equal('UC');
  });
});

describe('the memory type of an access', () => {
  const leaf = (value: bigint, level = 1) => ({ level, value });

  it('chooses the byte of the PAT by PAT, PCD and PWT', () => {
    // WB in one byte, and UC in the others.
    for (let index = 0n; index < 8n; index += 1n) {
      const registers = registersWith({ pat: WB << (8n * index) });
      for (const level of [1, 2, 3]) {
        const pat = level === 1 ? PAT_4K : PAT_LARGE;
        // Bit 7 of a large page is PS, and bit 12 of a small one its address.
        const other = level === 1 ? PAT_LARGE : PAT_4K;
        for (let chosen = 0n; chosen < 8n; chosen += 1n) {
          const value = (chosen & 4n ? pat : 0n) | (chosen & 2n ? PCD : 0n) | (chosen & 1n ? PWT : 0n) | other;
          const expected = chosen === index ? 'WB' : 'UC';
          expect(effectiveMemoryType(registers, leaf(value, level), 0n), `${level} ${index} ${chosen}`).to.equal(
            expected,
          );
        }
      }
    }
  });

  it('is what MTRR and PAT make together', () => {
    // SDM vol. 3A, table 11-7; columns UC, WC, WT, WP, WB, UC-.
    const table: readonly (readonly [bigint, string])[] = [
      [UC, 'UC WC UC UC UC UC'],
      [WC, 'UC WC UC UC WC WC'],
      [WT, 'UC WC WT WP WT UC'],
      [WP, 'UC WC WT WP WP WC'],
      [WB, 'UC WC WT WP WB UC'],
    ];
    const indices = [0n, 1n, 2n, 3n, 4n, 5n];
    for (const [mtrr, row] of table) {
      const registers = registersWith({ pat: EVERY_PAT, mtrrDefType: E | mtrr });
      const types = indices.map((index) =>
        effectiveMemoryType(
          registers,
          leaf((index & 4n ? PAT_4K : 0n) | (index & 2n ? PCD : 0n) | (index & 1n ? PWT : 0n)),
          0x10_0000n,
        ),
      );
      expect(types.join(' '), `MTRR ${NAMES[Number(mtrr)]}`).to.equal(row);
    }
  });

  it('takes an encoding that is reserved in the PAT for UC, and looks at its low three bits alone', () => {
    expect(effectiveMemoryType(registersWith({ pat: 2n }), leaf(0n), 0n)).to.equal('UC');
    expect(effectiveMemoryType(registersWith({ pat: 0xfen }), leaf(0n), 0n)).to.equal('WB');
  });

  it('is uncached with CR0.CD, whatever else is said', () => {
    expect(effectiveMemoryType(registersWith({ cr0: CD }), leaf(0n), 0n)).to.equal('UC');
    expect(effectiveMemoryType(registersWith({ cr0: CD, hasMtrrs: false }), null, 0n)).to.equal('UC');
    expect(effectiveMemoryType(registersWith({ cr0: ~CD & 0xffff_ffffn }), leaf(0n), 0n)).to.equal('WB');
  });

  it('is the MTRRs’ alone while paging is off', () => {
    expect(effectiveMemoryType(registersWith({ pat: 0n, mtrrDefType: E | WT }), null, 0n)).to.equal('WT');
  });
});
