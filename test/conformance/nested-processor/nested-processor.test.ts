import { randomInt } from 'node:crypto';
import { expect } from 'chai';
import { INTEL, type Profile, tcgProfile } from '../../../src/paging/index.ts';
import { howMany, isThorough } from '../../support/random/how-many.ts';
import type { PagedMode } from '../processor-rig/paged-mode.ts';
import { formatMachineOptions, type SvmMachine } from './machine.ts';
import { guestModes, runProbes } from './probes/run-probes.ts';
import { standardMachines } from './standard-machines.ts';
import { SvmGuest } from './svm-guest.ts';

const { PAGEWALK_SEED: chosenSeed, PAGEWALK_PROBES: chosenProbes } = process.env;
const seed = chosenSeed === undefined ? randomInt(0x1_0000_0000) : Number(chosenSeed);
/** For each machine: in the gate more than 50,000 in all. */
const probes = Number(chosenProbes ?? howMany({ daily: 640, thorough: 10_240 }));
/** Every mode of the guest has its turn in a run. */
const batchProbes = Math.min(4096, Math.ceil(probes / guestModes.length));

const kinds = ['load', 'store', 'fetch', 'implicit'].flatMap((does) => [`supervisor ${does}`, `user ${does}`]);
const causes = ['not-present', 'reserved-bits', 'privilege-violation'];

/** Each kind of access ends in each of these ways. */
const ownEndings = ['mapped', ...[...causes, 'non-canonical'].map((cause) => `the guest's ${cause}`)];
/** Some access ends in each of these ways, where the nested tables count. */
const nestedEndings = causes.flatMap((cause) => [`: table ${cause}`, `: final ${cause}`]);

/** What a run goes on for until it was met: without end to speak of where few accesses will do. */
function wantedEndings({ hostMode }: SvmMachine): readonly string[] {
  if (!isThorough) return [];
  const own = kinds.flatMap((kind) => ownEndings.map((ending) => `${kind}: ${ending}`));
  return hostMode === '32-bit' ? own : [...own, ...nestedEndings];
}

/** One switch of TCG's profile set as the manuals have it, and how many probes show that at the latest. */
const lies: Readonly<Partial<Record<PagedMode, readonly (readonly [Partial<Profile>, number])[]>>> = {
  '4-level': [
    [{ reservedFaultSetsP: INTEL.reservedFaultSetsP }, 512],
    [{ topLevelBit8Reserved: 'always' }, 512],
    [{ honoursPdpe1gb: INTEL.honoursPdpe1gb }, 512],
    [{ accessedOnFault: INTEL.accessedOnFault }, 512],
    [{ setsBitsBeforeNestedPage: INTEL.setsBitsBeforeNestedPage }, 4096],
    [{ accessedEarlyIn1G: INTEL.accessedEarlyIn1G }, 2048],
    [{ unbackedTable: INTEL.unbackedTable }, 512],
    [{ nestedFetchReportFromSmep: INTEL.nestedFetchReportFromSmep }, 8192],
  ],
  pae: [
    [{ setsPdpteAccessed: INTEL.setsPdpteAccessed }, 512],
    [{ checksGuestPhysicalWidth: INTEL.checksGuestPhysicalWidth }, 512],
  ],
  '32-bit': [[{ legacyNptIsIdentity: INTEL.legacyNptIsIdentity }, 512]],
};
/** More takes seconds: the gate has the time. */
const mostProbes = howMany({ daily: 2048, thorough: 8192 });
/** The same ones always, with a 4-level guest first. */
const LYING_SEED = 0;

describe('a nested guest (L2) on a live QEMU', function () {
  this.timeout(0);

  describe(`does what the walker says (${probes} accesses each, seed 0x${seed.toString(16)})`, () => {
    for (const machine of standardMachines) {
      it(formatMachineOptions(machine), async () => {
        await using guest = await SvmGuest.launch(machine);
        const report = await runProbes(guest, { seed, probes, batchProbes, wanted: wantedEndings(machine) });
        expect(report.disagreements, `disagreements\n${report.descriptions.join('\n')}\n`).to.equal(0);
        expect(report.probes).to.be.at.least(probes);
        const endings = [...report.endings.keys()];
        for (const ending of wantedEndings(machine)) {
          expect(
            endings.some((name) => name.endsWith(ending)),
            ending,
          ).to.equal(true);
        }
      });
    }
  });

  describe('shows each lie about it', () => {
    for (const [mode, ofMode] of Object.entries(lies)) {
      const machine = { hostMode: mode as PagedMode, maxPhyAddr: 40, pdpe1gb: false };
      let guest: SvmGuest;
      before(async () => {
        guest = await SvmGuest.launch(machine);
      });
      after(() => guest[Symbol.asyncDispose]());

      for (const [lie, needed] of ofMode.filter(([, probes]) => probes <= mostProbes)) {
        it(`${mode}, ${JSON.stringify(lie)}`, async () => {
          const profile = { ...tcgProfile(guest.version), ...lie };
          const report = await runProbes(guest, { seed: LYING_SEED, probes: needed, profile });
          expect(report.disagreements).to.be.above(0);
          expect(report.descriptions[0]).to.include('replay with: node ').and.to.include('the walker says');
        });
      }
    }
  });
});
