import { randomInt } from 'node:crypto';
import { expect } from 'chai';
import { createContext, type NestedContext, translateNested } from '../../../src/paging/index.ts';
import { formatNestedVerdict } from '../../support/judge/format-nested-verdict.ts';
import { nestedContextOf } from '../../support/judge/walker-stages.ts';
import { isThorough } from '../../support/random/how-many.ts';
import { Random } from '../../support/random/random.ts';
import type { ReferenceEpt } from '../../support/reference/reference-nested-translation.ts';
import { referenceTranslateNested } from '../../support/reference/reference-nested-walker.ts';
import { EntryMemory, type EntryUse, entryUses, everyEpt } from './ept-entry-cases.ts';

const { PAGEWALK_SEED: chosenSeed, PAGEWALK_EPT: chosenExtent } = process.env;
const seed = chosenSeed === undefined ? randomInt(0x1_0000_0000) : Number(chosenSeed);
/** `PAGEWALK_EPT=all`: every value with every EPT, some fifty million walks. */
const isComplete = chosenExtent === 'all';
/** `npm test` has one value in four, others in each run. */
const hasAll = isComplete || isThorough;

/** Level under test and EPT's walk length. */
const places = [
  { level: 5, length: 5 },
  { level: 4, length: 4 },
  { level: 4, length: 5 },
  { level: 3, length: 4 },
  { level: 2, length: 4 },
  { level: 1, length: 4 },
] as const;

/** Paging-write and supervisor's shadow stack, which lie outside the low twelve bits. */
const highBits = [0n, 1n << 58n, 1n << 60n, (1n << 58n) | (1n << 60n)];

/** Contexts are made once: making one takes longer than a walk. */
const contexts: Readonly<Record<4 | 5, readonly NestedContext[]>> = {
  4: everyEpt[4].map(nestedContextOf),
  5: everyEpt[5].map(nestedContextOf),
};

describe(`${hasAll ? 'every value' : 'a quarter of all values'} of the low twelve bits of an EPT entry`, function () {
  this.timeout(0);

  for (const { level, length } of places) {
    it(`at level ${level} of ${length}, for each kind of access`, () => {
      const random = new Random(seed);
      for (const use of entryUses) {
        const judge = judgeOf(level, length, use);
        for (let low = 0n; low < 4096n; low++) {
          if (!hasAll && random.chance(75)) continue;
          if (isComplete) {
            everyEpt[length].forEach((_, choice) => {
              for (const high of highBits) judge(low | high, choice);
            });
          } else {
            judge(low | random.pick(highBits), random.below(everyEpt[length].length));
          }
        }
      }
    });
  }

  it('and of the others: each bit of 63:12 by itself, in a pointer and in a page', () => {
    const random = new Random(seed);
    for (const { level, length } of places) {
      for (const use of entryUses) {
        const judge = judgeOf(level, length, use);
        for (let position = 12n; position < 64n; position++) {
          for (const low of [0x407n, 0x4b7n, 0x430n, 0x435n, 0n]) {
            judge(low | (1n << position), random.below(everyEpt[length].length));
          }
        }
      }
    }
  });
});

/** The two walkers on one entry; what it is takes the place of an address bit where it is one. */
function judgeOf(level: number, length: 4 | 5, use: EntryUse): (bits: bigint, choice: number) => void {
  const memory = new EntryMemory(level, length, use);
  const guest = createContext(use.guest.registers, use.guest.processor);
  return (bits, choice) => {
    const ept = everyEpt[length][choice];
    const context = contexts[length][choice];
    if (ept === undefined || context === undefined) {
      throw new RangeError(`there is no EPT ${choice}`);
    }
    memory.set(bits);
    const expected = formatNestedVerdict(referenceTranslateNested(use.guest, ept, memory, use.linear, use.access));
    const actual = formatNestedVerdict(translateNested(guest, context, memory, use.linear, use.access));
    if (actual !== expected) {
      expect(actual, explain(bits, level, use, ept)).to.equal(expected);
    }
  };
}

function explain(bits: bigint, level: number, { name, access }: EntryUse, ept: ReferenceEpt): string {
  return [
    `0x${bits.toString(16)} at level ${level}, ${name} ${JSON.stringify(access)}`,
    `EPTP 0x${ept.eptp.toString(16)} ${JSON.stringify(ept.capabilities)}`,
    `replay with: PAGEWALK_SEED=0x${seed.toString(16)} npx mocha dist/test/conformance/nested/ept-entries.test.js`,
    '',
  ].join('\n');
}
