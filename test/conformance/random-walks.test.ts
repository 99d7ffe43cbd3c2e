import { randomInt } from 'node:crypto';
import { expect } from 'chai';
import { type BitFlags, createContext, planBits, type Translation, translate } from '../../src/paging/index.ts';
import { describePlan, describeTranslation, hex } from '../support/judge/describe-translation.ts';
import { howMany } from '../support/random/how-many.ts';
import { Random } from '../support/random/random.ts';
import { randomAccess, randomMachine } from '../support/random/random-machine.ts';
import { type RandomTables, randomTables } from '../support/random/random-tables.ts';
import { type RunSeed, runSeeds } from '../support/random/run-seeds.ts';
import { referencePlan } from '../support/reference/reference-plan.ts';
import type {
  ReferenceAccess,
  ReferenceMachine,
  ReferenceMode,
  ReferenceTranslation,
} from '../support/reference/reference-translation.ts';
import { referenceTranslate } from '../support/reference/reference-walker.ts';

const { PAGEWALK_SEED: chosenSeed, PAGEWALK_WALKS: chosenWalks } = process.env;
const firstSeed = chosenSeed === undefined ? randomInt(0x1_0000_0000) : Number(chosenSeed);
const walkCount = Number(chosenWalks ?? howMany({ daily: 48_000, thorough: 240_000 }));
const walksPerMachine = 120;
/** With fewer walks no ending is counted on. */
const enoughMachines = 1600;

const machineCount = Math.ceil(walkCount / walksPerMachine);

const modes: readonly ReferenceMode[] = ['4-level', '5-level', 'pae', '32-bit', '4-level', '5-level', 'pae', 'off'];

/** The flag sets that KVM_TRANSLATE2 accepts; dirty only with a write. */
const flagSets: readonly BitFlags[] = [
  { setAccessed: false, setDirty: false, forceSetAccessed: false },
  { setAccessed: true, setDirty: false, forceSetAccessed: false },
  { setAccessed: true, setDirty: false, forceSetAccessed: true },
  { setAccessed: true, setDirty: true, forceSetAccessed: false },
  { setAccessed: true, setDirty: true, forceSetAccessed: true },
];

const pagedFeatures = ['shadow stack, privilege-violation', 'A20 masked, mapped', 'C-bit, mapped'];

const longFeatures = [
  'shadow stack, mapped',
  'shadow stack, lass',
  'tagged, mapped',
  'tagged, privilege-violation',
  'tagged, non-canonical',
  'tagged, lass',
  'relative to SS, non-canonical',
  'relative to SS, lass',
];

/** What the generator must have reached beside every ending, or it tests less than it says. */
const features: Readonly<Record<ReferenceMode, readonly string[]>> = {
  off: ['shadow stack, mapped', 'A20 masked, mapped', 'C-bit, mapped'],
  '32-bit': [...pagedFeatures, 'shadow stack, mapped'],
  pae: [...pagedFeatures, 'latched, mapped', 'latched, privilege-violation', 'latched, not-present'],
  '4-level': [...pagedFeatures, ...longFeatures],
  '5-level': [...pagedFeatures, ...longFeatures],
};

/** Every ending likewise. */
const endings: Readonly<Record<ReferenceMode, readonly string[]>> = {
  off: ['mapped null', 'out-of-range'],
  '32-bit': pagedEndings('out-of-range', [0x40_0000]),
  pae: pagedEndings('out-of-range', [0x20_0000]),
  '4-level': [...pagedEndings('non-canonical', [0x20_0000, 0x4000_0000]), 'lass'],
  '5-level': [...pagedEndings('non-canonical', [0x20_0000, 0x4000_0000]), 'lass'],
};

describe('random walks against the reference walker', function () {
  this.timeout(0);
  const reached = new Map<string, number>();

  it(`agree in every fact (${walkCount} walks)`, () => {
    for (const seed of runSeeds(machineCount, firstSeed, enoughMachines)) walkOneMachine(seed, reached);
  });

  if (machineCount >= enoughMachines) {
    it('reached every ending and every feature in every mode', () => {
      for (const mode of Object.keys(endings) as ReferenceMode[]) {
        for (const ending of [...endings[mode], ...features[mode]]) {
          expect(reached.get(`${mode} ${ending}`) ?? 0, `walks that ended: ${mode} ${ending}`).to.be.above(0);
        }
      }
    });
  }
});

function pagedEndings(badAddress: string, largePages: readonly number[]): string[] {
  const sizes = [4096, ...largePages].map((size) => `mapped ${size}`);
  return [...sizes, 'not-present', 'reserved-bits', 'privilege-violation', 'unbacked-table', badAddress];
}

/** One seed makes one machine, its tables and its walks: the unit of replay. */
function walkOneMachine({ seed, isKnown }: RunSeed, reached: Map<string, number>): void {
  const random = new Random(seed);
  const mode = random.pick(modes);
  const machine = randomMachine(random, mode);
  const tables = randomTables(random, machine, mode);
  Object.assign(machine.registers, tables.registers);
  const context = createContext(machine.registers, machine.processor);
  expect(context.mode, recipe(seed, machine)).to.equal(mode);
  for (let walk = 0; walk < walksPerMachine; walk++) {
    const linear = tables.linearAddress(random);
    const access = randomAccess(random, machine);
    const expected = recordReads(tables, () => referenceTranslate(machine, tables.memory, linear, access));
    const actual = recordReads(tables, () => translate(context, tables.memory, linear, access));
    compare(expected, actual, access, mode, () => `${recipe(seed, machine)}${describeCase(linear, access)}`);
    if (!isKnown) continue;
    for (const ending of describeEnding(machine, linear, access, expected.result)) {
      reached.set(`${mode} ${ending}`, (reached.get(`${mode} ${ending}`) ?? 0) + 1);
    }
  }
}

/** How a walk ended, and each thing out of the ordinary that it ended so with. */
function describeEnding(
  { registers, processor }: ReferenceMachine,
  linear: bigint,
  access: ReferenceAccess,
  result: ReferenceTranslation,
): string[] {
  const outcome = result.kind === 'mapped' ? 'mapped' : result.cause;
  const present = {
    'shadow stack': access.shadowStack,
    tagged: result.untaggedAddress !== linear,
    'relative to SS': access.segment === 'ss',
    latched: registers.pdptes !== undefined,
    'A20 masked': registers.a20 === false,
    'C-bit': processor.encryptionBit !== undefined,
  };
  const names = Object.entries(present).flatMap(([name, isPresent]) => (isPresent ? [`${name}, ${outcome}`] : []));
  return [result.kind === 'mapped' ? `mapped ${result.pageSizeBytes}` : result.cause, ...names];
}

interface Recorded<T> {
  result: T;
  reads: string;
}

/** Entries read are part of the answer: reading one more could touch what must not be read. */
function recordReads<T>(tables: RandomTables, run: () => T): Recorded<T> {
  tables.memory.clearReads();
  const result = run();
  return { result, reads: tables.memory.reads.map(hex).join(' ') };
}

function compare(
  expected: Recorded<ReferenceTranslation>,
  actual: Recorded<Translation>,
  access: ReferenceAccess,
  mode: ReferenceMode,
  explain: () => string,
): void {
  const expectedText = `${describeTranslation(expected.result)}\nread ${expected.reads}`;
  const actualText = `${describeTranslation(actual.result)}\nread ${actual.reads}`;
  if (actualText !== expectedText) {
    expect(actualText, explain()).to.equal(expectedText);
  }
  for (const flags of flagSets) {
    if (flags.setDirty && !access.write) {
      continue;
    }
    const expectedPlan = describePlan(referencePlan(expected.result, flags, mode === 'pae'));
    const actualPlan = describePlan(planBits(actual.result, flags));
    if (actualPlan !== expectedPlan) {
      expect(actualPlan, `${explain()}${JSON.stringify(flags)}\n${expectedText}\n`).to.equal(expectedPlan);
    }
  }
}

function recipe(seed: number, machine: ReferenceMachine): string {
  const environment = `PAGEWALK_SEED=0x${seed.toString(16)} PAGEWALK_WALKS=${walksPerMachine}`;
  const registers = Object.entries(machine.registers).map(([name, value]) => `${name}=0x${value.toString(16)}`);
  return [
    `replay with: ${environment} npx mocha dist/test/conformance/random-walks.test.js`,
    registers.join(' '),
    JSON.stringify(machine.processor),
    '',
  ].join('\n');
}

function describeCase(linear: bigint, access: ReferenceAccess): string {
  return `linear ${hex(linear)} ${JSON.stringify(access)}\n`;
}
