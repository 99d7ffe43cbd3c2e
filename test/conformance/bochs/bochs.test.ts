import { randomInt } from 'node:crypto';
import { expect } from 'chai';
import { howMany } from '../../support/random/how-many.ts';
import { DEVIATIONS } from './deviations.ts';
import { findBochs } from './emulator/bochs-program.ts';
import { formatMachineOptions } from './machine.ts';
import { runCases } from './run-cases.ts';
import { machinesOf } from './standard-machines.ts';

const { PAGEWALK_SEED: chosenSeed, PAGEWALK_CASES: chosenCases } = process.env;
const seed = chosenSeed === undefined ? randomInt(0x1_0000_0000) : Number(chosenSeed);
/** For each machine. */
const cases = Number(chosenCases ?? howMany({ daily: 700, thorough: 3500 }));
/** The rarest of them comes up a hundred times then. */
const ENOUGH_FOR_ALL_DEVIATIONS = 3000;
const bochs = findBochs();

describe(`the processor of Bochs ${bochs.version}`, function () {
  this.timeout(0);
  const deviations = new Set<string>();

  describe(`does what the walker says (${cases} accesses each, seed 0x${seed.toString(16)})`, () => {
    for (const machine of machinesOf(bochs.version)) {
      it(formatMachineOptions(machine), async () => {
        const report = await runCases(bochs, { machine, seed, cases });
        expect(report.disagreements, `disagreements\n${report.descriptions.join('\n')}\n`).to.equal(0);
        expect(report.probes).to.equal(cases);
        for (const name of report.deviations.keys()) deviations.add(name);
      });
    }

    if (cases >= ENOUGH_FOR_ALL_DEVIATIONS) {
      it('deviates in all that the list of its deviations has, which excuses nothing else', () => {
        const known = DEVIATIONS.filter(({ versions }) => versions.includes(bochs.version)).map(({ name }) => name);
        expect([...deviations].sort()).to.deep.equal(known.sort());
      });
    }
  });
});
