import { randomInt } from 'node:crypto';
import { expect } from 'chai';
import { type BitFlags, createContext, planBits, type Translation, translate } from '../../src/paging/index.ts';
import { describePlan, describeTranslation, hex } from '../support/describe-translation.ts';
import { Random } from '../support/random.ts';
import { randomAccess, randomMachine } from '../support/random-machine.ts';
import { referencePlan } from '../support/reference-plan.ts';
import type { ReferenceMachine, ReferenceMemory, ReferenceMode } from '../support/reference-translation.ts';
import { referenceTranslate } from '../support/reference-walker.ts';

const { PAGEWALK_SEED: chosenSeed } = process.env;
const seed = chosenSeed === undefined ? randomInt(0x1_0000_0000) : Number(chosenSeed);
const walksPerMode = 20_000;
const replay = `replay with: PAGEWALK_SEED=0x${seed.toString(16)} npx mocha dist/test/conformance/hostile-tables.test.js`;

const depths: Readonly<Record<Exclude<ReferenceMode, 'off'>, number>> = {
  '32-bit': 2,
  pae: 3,
  '4-level': 4,
  '5-level': 5,
};

const allFlags: BitFlags = { setAccessed: true, setDirty: true, forceSetAccessed: true };

/** A guest can put anything at all where an entry is read. */
describe('tables of noise', function () {
  this.timeout(0);

  for (const mode of Object.keys(depths) as (keyof typeof depths)[]) {
    it(`${mode}: walks end in time, stay in physical memory, and plan nothing but A and D (${walksPerMode} walks)`, () => {
      const random = new Random(seed);
      for (let walk = 0; walk < walksPerMode; walk++) {
        walkNoise(random, mode);
      }
    });
  }
});

function walkNoise(random: Random, mode: keyof typeof depths): void {
  const machine = randomMachine(random, mode);
  machine.registers.cr3 = random.uint64() & ((1n << BigInt(machine.processor.maxPhyAddr)) - 1n);
  const memory = new NoiseMemory(random, machine);
  const linear = mode === '4-level' || mode === '5-level' ? canonical(random.uint64(), mode) : random.uint64() >> 32n;
  const access = randomAccess(random, machine);
  const translation = translate(createContext(machine.registers, machine.processor), memory, linear, access);

  const reads = [...memory.reads];
  expect(reads.length, replay).to.be.within(refusedBeforePaging(translation) ? 0 : 1, depths[mode]);
  const limit = 1n << BigInt(machine.processor.maxPhyAddr);
  expect(reads.filter((address) => address >= limit).map(hex), replay).to.deep.equal([]);
  expectHarmlessPlan(translation, access.write);

  const expected = referenceTranslate(machine, memory, linear, access);
  expect(describeTranslation(translation), replay).to.equal(describeTranslation(expected));
  const flags = { ...allFlags, setDirty: access.write };
  const plan = describePlan(planBits(translation, flags));
  expect(plan, `${replay}\n${describeTranslation(expected)}\n`).to.equal(
    describePlan(referencePlan(expected, flags, mode === 'pae')),
  );
}

function refusedBeforePaging(translation: Translation): boolean {
  return translation.kind === 'fault' && translation.vector !== 14;
}

/** Each planned bit is missing in an entry that the walk used and that is present. */
function expectHarmlessPlan(translation: Translation, isWrite: boolean): void {
  for (const planned of planBits(translation, { ...allFlags, setDirty: isWrite })) {
    const step = translation.steps.find(({ address, level }) => address === planned.address && level === planned.level);
    const value = step?.value ?? 0n;
    expect(value & 1n, `${replay}\nP of ${hex(planned.address)}`).to.equal(1n);
    expect(planned.accessed && (value & 0x20n) !== 0n, `${replay}\nA is there already`).to.equal(false);
    expect(planned.dirty && (value & 0x40n) !== 0n, `${replay}\nD is there already`).to.equal(false);
  }
}

function canonical(address: bigint, mode: '4-level' | '5-level'): bigint {
  return BigInt.asUintN(64, BigInt.asIntN(mode === '4-level' ? 48 : 57, address));
}

/** Answers every address with noise, always the same for the same address; mostly present and without reserved bits. */
class NoiseMemory implements ReferenceMemory {
  readonly reads: bigint[] = [];
  readonly #random: Random;
  readonly #entries = new Map<bigint, bigint>();
  readonly #address: bigint;

  constructor(random: Random, machine: ReferenceMachine) {
    this.#random = random;
    this.#address = (1n << BigInt(machine.processor.maxPhyAddr)) - 1n;
  }

  readEntry(address: bigint, size: 4 | 8): bigint {
    this.reads.push(address);
    const entry = this.#entries.get(address) ?? this.#noise();
    this.#entries.set(address, entry);
    return BigInt.asUintN(size * 8, entry);
  }

  #noise(): bigint {
    const noise = this.#random.uint64();
    switch (this.#random.below(4)) {
      case 0:
        return noise;
      case 1:
        return (noise & this.#address) | 7n;
      default:
        return (noise & this.#address & ~0x80n) | 7n;
    }
  }
}
