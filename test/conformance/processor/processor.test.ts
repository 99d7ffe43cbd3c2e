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

/** One switch of TCG's profile set as the manuals have it, and a machine on which that shows. */
const lies: readonly (readonly [PagedMode, Partial<Profile>])[] = [
  ['4-level', { reservedFaultSetsP: INTEL.reservedFaultSetsP }],
  ['4-level', { honoursPdpe1gb: INTEL.honoursPdpe1gb }],
  ['4-level', { topLevelBit8Reserved: 'always' }],
  ['4-level', { stackFaults: INTEL.stackFaults }],
  ['4-level', { implicitHonoursAc: INTEL.implicitHonoursAc }],
  ['4-level', { userFaultReportsKey: INTEL.userFaultReportsKey }],
  ['4-level', { accessedEarlyIn1G: INTEL.accessedEarlyIn1G }],
  ['5-level', { accessedOnFault: INTEL.accessedOnFault }],
  ['pae', { setsPdpteAccessed: INTEL.setsPdpteAccessed }],
  ['32-bit', { pse36: INTEL.pse36 }],
  ['32-bit', { fetchReportNeedsPae: false }],
];

const lyingMachine = { maxPhyAddr: 36, pdpe1gb: false, pse36: false } as const;
/** The same ones always: a probe that a wrong walker allows could end the guest. */
const LYING_SEED = 2;
const LYING_PROBES = 8192;

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
    for (const [mode, lie] of lies) {
      it(`${mode}, ${JSON.stringify(lie)}`, async () => {
        const machine = { mode, ...lyingMachine };
        await using guest = await ProbeGuest.launch(machine);
        const profile = { ...tcgProfile(guest.version), ...lie };
        const report = await runProbes(guest, { machine, seed: LYING_SEED, probes: LYING_PROBES, profile });
        expect(report.disagreements).to.be.above(0);
        expect(report.descriptions[0]).to.include('replay with: node ').and.to.include('the walker says');
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
