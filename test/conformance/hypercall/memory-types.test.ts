import { randomInt } from 'node:crypto';
import { expect } from 'chai';
import { effectiveMemoryType, mtrrTypeAt } from '../../../src/paging/index.ts';
import { Random } from '../../support/random/random.ts';
import { randomMemoryTypes } from '../../support/random/random-memory-types.ts';
import {
  type ReferenceMemoryType,
  type ReferenceMemoryTypes,
  referenceMemoryType,
} from '../../support/reference/reference-memory-type.ts';

const { PAGEWALK_SEED: chosenSeed } = process.env;
const seed = chosenSeed === undefined ? randomInt(0x1_0000_0000) : Number(chosenSeed);

/** SDM vol. 3A, table 11-7 (12-7), as printed: the columns are PAT encodings 0 (UC), 7 (UC-), 1 (WC), 4 (WT), 6 (WB), 5 (WP). */
const columns = [0n, 7n, 1n, 4n, 6n, 5n];
const table = `
  UC   UC UC WC UC UC UC
  WC   UC WC WC UC WC UC
  WT   UC UC WC WT WT WP
  WB   UC UC WC WT WB WP
  WP   UC WC WC WT WP WP
`;
const encodings = { UC: 0n, WC: 1n, WT: 4n, WP: 5n, WB: 6n } as const;

const rows = table
  .trim()
  .split('\n')
  .map((line) => line.trim().split(/ +/))
  .flatMap(([mtrr = '', ...types]) =>
    types.map((expected, column) => ({ mtrr: mtrr as ReferenceMemoryType, pat: columns[column] ?? 0n, expected })),
  );

const off: ReferenceMemoryTypes = {
  pat: 0x0007_0406_0007_0406n,
  mtrrDefType: 0n,
  mtrrFixed: Array.from({ length: 11 }, () => 0n),
  mtrrVariable: [],
  cr0: 0x8000_0011n,
  maxPhyAddr: 40,
};

/** The same type from each kind of MTRR, and an address that has it. */
function waysToSay(type: ReferenceMemoryType): { registers: ReferenceMemoryTypes; physical: bigint }[] {
  const encoding = encodings[type];
  const other = type === 'WB' ? 0n : 6n;
  const filled = Array.from<unknown, bigint>({ length: 8 }, () => encoding).reduce(
    (value, byte) => (value << 8n) | byte,
    0n,
  );
  return [
    { registers: { ...off, mtrrDefType: 0x800n | encoding }, physical: 0x1234_5000n },
    {
      registers: { ...off, mtrrDefType: 0xc00n | other, mtrrFixed: off.mtrrFixed.map(() => filled) },
      physical: 0xb_8000n,
    },
    {
      registers: {
        ...off,
        mtrrDefType: 0x800n | other,
        mtrrVariable: [{ base: 0x8000_0000n | encoding, mask: 0xff_c000_0800n }],
      },
      physical: 0xbfff_f000n,
    },
  ];
}

/** A leaf of each level, and where each has its PAT bit. */
const leaves = [
  { level: 1, pat: 7n },
  { level: 2, pat: 12n },
  { level: 3, pat: 12n },
];

describe('memory types', () => {
  it('are the whole table of MTRR and PAT, by each kind of MTRR, each PAT entry and each size of page', () => {
    expect(rows).to.have.length(30);
    for (const { mtrr, pat, expected } of rows) {
      for (const { registers, physical } of waysToSay(mtrr)) {
        for (let entry = 0n; entry < 8n; entry++) {
          for (const { level, pat: position } of leaves) {
            // All other entries of the PAT say something else.
            const others = pat === 0n ? 0x0606_0606_0606_0606n : 0n;
            const chosen = (others & ~(0xffn << (entry * 8n))) | (pat << (entry * 8n));
            const low = ((entry & 1n) << 3n) | (((entry >> 1n) & 1n) << 4n);
            const value = 0x63n | low | ((entry >> 2n) << position) | (level > 1 ? 0x80n : 0n);
            const type = effectiveMemoryType({ ...registers, pat: chosen }, { level, value }, physical);
            expect(type, `${mtrr} ${pat} entry ${entry} level ${level} at ${physical}`).to.equal(expected);
          }
        }
      }
    }
  });

  it('are uncached with CR0.CD, whatever else is said', () => {
    for (const { mtrr, pat } of rows) {
      for (const { registers, physical } of waysToSay(mtrr)) {
        const disabled = { ...registers, pat, cr0: registers.cr0 | (1n << 30n) };
        expect(effectiveMemoryType(disabled, { level: 1, value: 0x63n }, physical)).to.equal('UC');
        expect(effectiveMemoryType(disabled, null, physical)).to.equal('UC');
      }
    }
  });

  it('are what the MTRRs say where the guest has no paging, and write-back where there are no MTRRs', () => {
    for (const type of ['UC', 'WC', 'WT', 'WP', 'WB'] as const) {
      for (const { registers, physical } of waysToSay(type)) {
        expect(effectiveMemoryType(registers, null, physical)).to.equal(type);
        expect(effectiveMemoryType({ ...registers, hasMtrrs: false }, null, physical)).to.equal('WB');
      }
    }
    const { pat: _, ...none } = { ...off, hasMtrrs: false };
    expect(effectiveMemoryType({ ...none, pat: 0x04n }, { level: 1, value: 0x63n }, 0n)).to.equal('WT');
  });

  it('are uncached while MTRRs are off, and by fixed MTRRs below 1 MiB only while those are on', () => {
    const fixed = off.mtrrFixed.map(() => 0x0404_0404_0404_0404n);
    const variable = [{ base: 0x05n, mask: 0xff_ffff_f800n & ~0xff_f000n }];
    const at = (mtrrDefType: bigint, physical: bigint) =>
      mtrrTypeAt({ ...off, mtrrDefType, mtrrFixed: fixed, mtrrVariable: variable }, physical);
    expect(at(0x406n, 0n)).to.equal('UC');
    expect(at(0xc06n, 0n)).to.equal('WT');
    expect(at(0xc06n, 0xf_ffffn)).to.equal('WT');
    expect(at(0xc06n, 0x10_0000n)).to.equal('WP');
    expect(at(0x806n, 0n)).to.equal('WP');
    expect(at(0x806n, 0x100_0000n)).to.equal('WB');
  });

  it('are those of each fixed range', () => {
    // 88 ranges, a byte each; the types go round so that neighbours differ.
    const types = [0n, 1n, 4n, 5n, 6n];
    const names = ['UC', 'WC', 'WT', 'WP', 'WB'];
    const byteAt = (range: number) => types[range % 5] ?? 0n;
    const mtrrFixed = Array.from({ length: 11 }, (_, register) =>
      Array.from({ length: 8 }, (_, byte) => byteAt(register * 8 + byte) << BigInt(8 * byte)).reduce((a, b) => a | b),
    );
    const starts = [
      ...Array.from({ length: 8 }, (_, range) => range * 0x1_0000),
      ...Array.from({ length: 16 }, (_, range) => 0x8_0000 + range * 0x4000),
      ...Array.from({ length: 64 }, (_, range) => 0xc_0000 + range * 0x1000),
    ];
    for (const [range, start] of starts.entries()) {
      const end = (starts[range + 1] ?? 0x10_0000) - 1;
      for (const physical of [start, end]) {
        const type = mtrrTypeAt({ ...off, mtrrDefType: 0xc06n, mtrrFixed }, BigInt(physical));
        expect(type, `range ${range} at 0x${physical.toString(16)}`).to.equal(names[range % 5]);
      }
    }
  });

  it('of variable ranges that overlap: uncached before all, write-through before write-back', () => {
    const whole = 0xff_0000_0800n;
    const at = (...types: bigint[]) =>
      mtrrTypeAt({ ...off, mtrrDefType: 0x801n, mtrrVariable: types.map((base) => ({ base, mask: whole })) }, 0x1000n);
    expect(at()).to.equal('WC');
    for (const type of [1n, 4n, 5n, 6n]) {
      expect(at(type, 0n)).to.equal('UC');
      expect(at(0n, type)).to.equal('UC');
    }
    expect(at(4n, 6n)).to.equal('WT');
    expect(at(6n, 4n)).to.equal('WT');
    expect(at(6n, 4n, 0n)).to.equal('UC');
    expect(at(5n, 5n)).to.equal('WP');
    // Not valid, so not there.
    const invalid = { base: 0n, mask: whole & ~0x800n };
    expect(mtrrTypeAt({ ...off, mtrrDefType: 0x801n, mtrrVariable: [invalid] }, 0x1000n)).to.equal('WC');
  });

  it('agree with the reference for any registers', () => {
    const random = new Random(seed);
    for (let round = 0; round < 20_000; round++) {
      const cr0 = random.chance(5) ? 0xc000_0011n : 0x8000_0011n;
      const registers = randomMemoryTypes(random, cr0, random.between(32, 52));
      const level = random.between(1, 3);
      const value = random.uint64();
      const physical = random.chance(40)
        ? BigInt(random.below(0x18_0000))
        : random.uint64() & ((1n << BigInt(registers.maxPhyAddr)) - 1n);
      const bits = {
        pwt: (value & 8n) !== 0n,
        pcd: (value & 16n) !== 0n,
        pat: (value & (level === 1 ? 0x80n : 0x1000n)) !== 0n,
      };
      const hasPaging = random.chance(80);
      const explain = () => `PAGEWALK_SEED=0x${seed.toString(16)}, round ${round}`;
      expect(effectiveMemoryType(registers, hasPaging ? { level, value } : null, physical), explain()).to.equal(
        referenceMemoryType(registers, hasPaging ? bits : null, physical),
      );
    }
  });
});
