import { randomInt } from 'node:crypto';
import { expect } from 'chai';
import { INTEL, type Profile, tcgProfile } from '../../../src/paging/index.ts';
import { howMany } from '../../support/random/how-many.ts';
import type { PagedMode } from '../processor-rig/paged-mode.ts';
import { BATCH_PROBES } from './layout.ts';
import { formatMachineOptions } from './machine.ts';
import { ProbeGuest } from './probe-guest.ts';
import { runProbes } from './run-probes.ts';
import { standardMachines } from './standard-machines.ts';
import { wantedEndings } from './wanted-endings.ts';

const { PAGEWALK_SEED: chosenSeed, PAGEWALK_PROBES: chosenProbes } = process.env;
const seed = chosenSeed === undefined ? randomInt(0x1_0000_0000) : Number(chosenSeed);
/** For each machine: in the gate more than 450,000 in all, on each QEMU. */
const probes = Number(chosenProbes ?? howMany({ daily: 4096, thorough: 32_768 }));

/** One switch of TCG's profile set as the manuals have it, by a mode in which that shows. */
const lies: Readonly<Record<PagedMode, readonly Partial<Profile>[]>> = {
  '4-level': [
    { reservedFaultSetsP: INTEL.reservedFaultSetsP },
    { honoursPdpe1gb: INTEL.honoursPdpe1gb },
    { topLevelBit8Reserved: 'always' },
    { stackFaults: INTEL.stackFaults },
    { implicitHonoursAc: INTEL.implicitHonoursAc },
    { userFaultReportsKey: INTEL.userFaultReportsKey },
    { accessedEarlyIn1G: INTEL.accessedEarlyIn1G },
  ],
  '5-level': [{ accessedOnFault: INTEL.accessedOnFault }],
  pae: [{ setsPdpteAccessed: INTEL.setsPdpteAccessed }],
  '32-bit': [{ pse36: INTEL.pse36 }, { fetchReportNeedsPae: false }],
};

const lyingMachine = { maxPhyAddr: 36, pdpe1gb: false, pse36: false } as const;
/** The same ones always: a probe that a wrong walker allows could end the guest. */
const LYING_SEED = 2;
const LYING_PROBES = howMany({ daily: 2048, thorough: 8192 });

describe('the processor of a live QEMU', function () {
  this.timeout(0);

  describe(`does what the walker says (${probes} accesses each, seed 0x${seed.toString(16)})`, () => {
    for (const machine of standardMachines) {
      it(formatMachineOptions(machine), async () => {
        await using guest = await ProbeGuest.launch(machine);
        const report = await runProbes(guest, { machine, seed, probes });
        expect(report.disagreements, `disagreements\n${report.descriptions.join('\n')}\n`).to.equal(0);
        expect(report.probes).to.equal(probes);
        if (probes < BATCH_PROBES) return;
        for (const { name } of wantedEndings(machine))
          expect(report.endings.get(name) ?? 0, `accesses that ended so: ${name}`).to.be.above(0);
      });
    }
  });

  describe('shows each lie about it', () => {
    for (const [mode, ofMode] of Object.entries(lies)) {
      describe(mode, () => {
        const machine = { mode: mode as PagedMode, ...lyingMachine };
        let guest: ProbeGuest;
        before(async () => {
          guest = await ProbeGuest.launch(machine);
        });
        after(() => guest[Symbol.asyncDispose]());

        for (const lie of ofMode) {
          it(JSON.stringify(lie), async () => {
            const profile = { ...tcgProfile(guest.version), ...lie };
            const report = await runProbes(guest, { machine, seed: LYING_SEED, probes: LYING_PROBES, profile });
            expect(report.disagreements).to.be.above(0);
            expect(report.descriptions[0]).to.include('replay with: node ').and.to.include('the walker says');
          });
        }
      });
    }

    it('4-level, AC lifts SMAP for what the processor does by itself at CPL 3', async () => {
      const machine = { mode: '4-level', maxPhyAddr: 40 } as const;
      await using guest = await ProbeGuest.launch(machine);
      const report = await runProbes(guest, { machine, seed: LYING_SEED, probes: LYING_PROBES, cpl: 0 });
      expect(report.disagreements).to.be.above(0);
      expect(report.descriptions[0]).to.match(/user (implicit|descriptor)/);
    });

    it('4-level, CR2 after a #GP', async () => {
      const machine = { mode: '4-level', maxPhyAddr: 40 } as const;
      await using guest = await ProbeGuest.launch(machine);
      const truth = tcgProfile(guest.version);
      const profile = { ...truth, nonCanonicalSetsCr2: !truth.nonCanonicalSetsCr2 };
      const report = await runProbes(guest, { machine, seed: LYING_SEED, probes: LYING_PROBES, profile });
      expect(report.descriptions[0]).to.include('CR2: the walker says');
    });
  });
});
