import { randomInt } from 'node:crypto';
import { expect } from 'chai';
import {
  type NestedContext,
  type NestedTranslation,
  type PagingContext,
  planNestedBits,
  processorNestedBits,
  translateNested,
} from '../../../src/paging/index.ts';
import {
  circularEntries,
  describeNestedPlan,
  describeNestedTranslation,
} from '../../support/judge/describe-nested-translation.ts';
import { hex } from '../../support/judge/describe-translation.ts';
import { contextsOf } from '../../support/judge/walker-stages.ts';
import { howMany } from '../../support/random/how-many.ts';
import { Random } from '../../support/random/random.ts';
import { type RandomStages, randomStages } from '../../support/random/random-stages.ts';
import { type RunSeed, runSeeds } from '../../support/random/run-seeds.ts';
import { referenceNestedPlan } from '../../support/reference/reference-nested-plan.ts';
import type { ReferenceNestedTranslation } from '../../support/reference/reference-nested-translation.ts';
import { referenceTranslateNested } from '../../support/reference/reference-nested-walker.ts';
import type { ReferenceAccess } from '../../support/reference/reference-translation.ts';

const { PAGEWALK_SEED: chosenSeed, PAGEWALK_WALKS: chosenWalks } = process.env;
const firstSeed = chosenSeed === undefined ? randomInt(0x1_0000_0000) : Number(chosenSeed);
const walkCount = Number(chosenWalks ?? howMany({ daily: 8000, thorough: 40_000 }));
const walksPerMachine = 60;
const hostCount = Math.ceil(walkCount / walksPerMachine);
/** With fewer hosts no ending is counted on. */
const enoughHosts = 660;

/** What the generator must have reached, or it tests less than it says. */
const endings: readonly string[] = [
  ...['npt', 'ept'].flatMap((kind) => [
    `${kind} mapped`,
    `${kind} guest-fault not-present`,
    `${kind} guest-fault reserved-bits`,
    `${kind} guest-fault privilege-violation`,
    `${kind} nested-fault table not-present`,
    `${kind} nested-fault final not-present`,
    `${kind} nested-fault table privilege-violation`,
    `${kind} nested-fault final privilege-violation`,
  ]),
  'npt nested-fault table reserved-bits',
  'npt nested-fault final reserved-bits',
  'ept nested-fault table misconfiguration',
  'ept nested-fault final misconfiguration',
  'npt nested-fault table unbacked-table',
  'ept nested-fault table unbacked-table',
];

const formats = ['EPT 4', 'EPT 5', 'NPT off', 'NPT 32-bit', 'NPT pae', 'NPT 4-level', 'NPT 5-level'].flatMap((nested) =>
  ['off', '32-bit', 'pae', '4-level', '5-level'].map((guest) => `${guest} on ${nested}`),
);

describe('random walks in two dimensions against the reference', function () {
  this.timeout(0);
  const reached = new Map<string, number>();
  const count = (what: string) => reached.set(what, (reached.get(what) ?? 0) + 1);

  it(`agree in every fact (${walkCount} walks)`, () => {
    for (const seed of runSeeds(hostCount, firstSeed, enoughHosts)) walkOneHost(seed, count);
  });

  if (hostCount >= enoughHosts) {
    it('reached every ending, and every mode on every format', () => {
      for (const ending of endings) {
        expect(reached.get(ending) ?? 0, `walks that ended: ${ending}`).to.be.above(0);
      }
      for (const format of formats) {
        expect(reached.get(format) ?? 0, `walks of ${format}`).to.be.above(0);
      }
    });
  }
});

/** One seed makes one guest, its tables, those below and all walks: the unit of replay. */
function walkOneHost({ seed, isKnown }: RunSeed, count: (what: string) => void): void {
  const random = new Random(seed);
  const stages = randomStages(random, seed);
  const contexts = contextsOf(stages.guest, stages.nested);
  for (let walk = 0; walk < walksPerMachine; walk++) {
    const { linear, access } = stages.question(random);
    const expected = recordReads(stages, () =>
      referenceTranslateNested(stages.guest, stages.nested, stages.memory, linear, access),
    );
    const actual = recordReads(stages, () =>
      translateNested(contexts.guest, contexts.nested, stages.memory, linear, access),
    );
    const explain = () => describeCase(seed, stages, linear, access);
    expectEqual(
      `${describeNestedTranslation(actual.result)}\nread ${actual.reads}`,
      `${describeNestedTranslation(expected.result)}\nread ${expected.reads}`,
      explain,
    );
    comparePlans(stages, contexts, expected.result, actual.result, access, explain);
    if (!isKnown) continue;
    count(describeEnding(stages, expected.result));
    count(`${stages.guestMode} on ${stages.format}`);
  }
}

/** What the flags ask for, and what a processor does by itself. */
function comparePlans(
  { guest, nested }: RandomStages,
  contexts: ReturnType<typeof contextsOf>,
  expected: ReferenceNestedTranslation,
  actual: NestedTranslation,
  access: ReferenceAccess,
  explain: () => string,
): void {
  const circular = circularEntries(expected);
  const flags = { setAccessed: true, setDirty: access.write, forceSetAccessed: false };
  const plans = [
    { demand: {}, planned: planNestedBits(actual, flags) },
    {
      demand: { guestOnFault: true, nestedOnFault: true },
      planned: planNestedBits(actual, { ...flags, forceSetAccessed: true }),
    },
    // Each walk of nested tables that leads somewhere is complete in itself. Of faults the machines differ.
    { demand: { nestedOnFault: true }, planned: processorNestedBits(actual, ...silentOnFaults(contexts)) },
  ];
  for (const { demand, planned } of plans) {
    const plan = referenceNestedPlan(expected, guest, nested, access, {
      guestOnFault: false,
      nestedOnFault: false,
      ...demand,
    });
    expectEqual(
      describeNestedPlan(planned, circular),
      describeNestedPlan(plan, circular),
      () => `${explain()}${JSON.stringify(demand)}\n${describeNestedTranslation(expected)}\n`,
    );
  }
}

/** The same, of machines that set no bits for an access that fails. */
function silentOnFaults({ guest, nested }: ReturnType<typeof contextsOf>): [PagingContext, NestedContext] {
  const silent = (context: PagingContext): PagingContext => {
    return { ...context, profile: { ...context.profile, accessedOnFault: 'none' } };
  };
  return [silent(guest), { ...nested, stage: silent(nested.stage) }];
}

/** Most agree, and text for a message is made only for what does not. */
function expectEqual(actual: string, expected: string, explain: () => string): void {
  if (actual !== expected) {
    expect(actual, explain()).to.equal(expected);
  }
}

function describeEnding({ nested }: RandomStages, result: ReferenceNestedTranslation): string {
  switch (result.kind) {
    case 'mapped':
      return `${nested.kind} mapped`;
    case 'guest-fault':
      return `${nested.kind} guest-fault ${result.guest.cause}`;
    case 'nested-fault':
      return `${nested.kind} nested-fault ${result.purpose} ${result.cause}`;
  }
}

/** Entries read are part of the answer: reading one more could touch what must not be read. */
function recordReads<T>({ memory }: RandomStages, run: () => T): { result: T; reads: string } {
  memory.clearReads();
  const result = run();
  return { result, reads: memory.reads.map(hex).join(' ') };
}

function describeCase(seed: number, stages: RandomStages, linear: bigint, access: ReferenceAccess): string {
  const environment = `PAGEWALK_SEED=0x${seed.toString(16)} PAGEWALK_WALKS=${walksPerMachine}`;
  const show = (value: unknown) => JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? hex(part) : part));
  return [
    `replay with: ${environment} npx mocha dist/test/conformance/nested/random-stages.test.js`,
    `${stages.guestMode} on ${stages.format}`,
    `guest ${show(stages.guest)}`,
    `nested ${show(stages.nested)}`,
    `linear ${hex(linear)} ${JSON.stringify(access)}`,
    '',
  ].join('\n');
}
