import { expect } from 'chai';
import { GdbClient, GdbRunControl } from '../../../protocols/gdb/index.ts';
import { connect } from '../../../protocols/transport/index.ts';
import {
  type GuestTranslation,
  type MapScope,
  parseOverride,
  parseProfile,
  type TranslateScope,
  withPausedGuest,
} from '../../../src/guest/index.ts';
import type { Access } from '../../../src/paging/index.ts';
import { formatDeviation } from '../../../src/report/index.ts';
import type { QemuProcess } from '../../../src/testing/index.ts';
import { KERNELS } from '../../kernels/manifests/kernels.ts';
import { kernelPage } from '../../kernels/manifests/manifest.ts';
import { launchKernel } from '../../support/live/guest/kernel-guest.ts';

const READ: Access = { write: false, user: false, exec: false };
const { long4, pae } = KERNELS;

async function ask(
  guest: QemuProcess,
  linearAddress: bigint,
  access: Access,
  scope: TranslateScope,
): Promise<GuestTranslation> {
  const [answer] = await withPausedGuest({ qmp: guest.qmpEndpoint }, (paused) =>
    paused.translate([{ linearAddress, access }], scope),
  );
  return answer as GuestTranslation;
}

function summary({ translation }: GuestTranslation): string {
  if (translation.kind === 'mapped') return 'mapped';
  return `${translation.cause} ${translation.errorCode?.toString(16)}`;
}

/** What is said of a machine that would answer otherwise. */
function told({ deviation }: GuestTranslation): string {
  return deviation === null ? 'the same' : formatDeviation(deviation);
}

describe('"what if" questions and profiles, on a live guest', function () {
  this.timeout(60_000);
  const write = { ...READ, write: true };
  const fetch = { ...READ, exec: true };
  const ro = kernelPage(long4, 'ro').address;
  const rw = kernelPage(long4, 'rw').address;
  const xd = kernelPage(long4, 'xd').address;
  const reserved = kernelPage(long4, 'pte-reserved').address;
  const key1 = kernelPage(long4, 'key-1').address;

  const cases: readonly [string, bigint, Access, string[], string][] = [
    ['a write to a read-only page', ro, write, [], 'privilege-violation 3'],
    ['the same with CR0.WP=0', ro, write, ['CR0.WP=0'], 'mapped'],
    ['a read of a user page with SMAP', rw, READ, ['CR4.SMAP=1'], 'privilege-violation 1'],
    ['the same with AC', rw, READ, ['CR4.SMAP=1', 'RFLAGS.AC=1'], 'mapped'],
    ['a fetch from a user page with SMEP', rw, fetch, ['cr4.smep=1'], 'privilege-violation 11'],
    ['a fetch from an XD page with NXE=0', xd, fetch, ['EFER.NXE=0'], 'reserved-bits 9'],
    ['a key that PKRU denies', key1, { ...READ, user: true }, [], 'privilege-violation 25'],
    ['the same with PKRU=0', key1, { ...READ, user: true }, ['PKRU=0'], 'mapped'],
    ['a supervisor address with LASS and SMAP', rw, READ, ['CR4.LASS=1', 'CR4.SMAP=1', 'VENDOR=intel'], 'lass 0'],
    ['paging off', 0x1234n, READ, ['CR0.PG=0'], 'mapped'],
  ];

  it('change the answer, not the guest', async () => {
    await using guest = await launchKernel('long4');
    const answers = [];
    for (const [name, address, access, overrides] of cases) {
      const answer = await ask(guest, address, access, { overrides: overrides.map(parseOverride) });
      answers.push(`${name}: ${summary(answer)}`);
    }
    expect(answers).to.deep.equal(cases.map(([name, , , , expected]) => `${name}: ${expected}`));
    const plain = await ask(guest, ro, write, {});
    expect(summary(plain)).to.equal('privilege-violation 3');
  });

  it('are judged by registers that the guest holds and does not use', async () => {
    await using guest = await launchKernel('long4');
    const userKey1 = { ...READ, user: true };
    const supervisorKey4 = kernelPage(long4, 'supervisor-key-4').address;
    // The kernel has loaded PKRU and PKRS; without CR4.PKE and CR4.PKS they have no effect.
    const client = await GdbClient.connect(await connect(guest.gdbEndpoint, { timeoutMs: 5000 }));
    try {
      const control = await GdbRunControl.take(client);
      await control.writeRegister(0, 'cr4', 0x20n);
    } finally {
      await client.close();
    }
    const outcomeOf = async (address: bigint, access: Access, ...overrides: string[]): Promise<string> => {
      const answer = await ask(guest, address, access, { overrides: overrides.map(parseOverride) });
      return [summary(answer), ...answer.assumed].join('; ');
    };
    expect(await outcomeOf(key1, userKey1)).to.equal('mapped');
    expect(await outcomeOf(key1, userKey1, 'CR4.PKE=1')).to.equal('privilege-violation 25');
    expect(await outcomeOf(supervisorKey4, READ)).to.equal('mapped');
    expect(await outcomeOf(supervisorKey4, READ, 'CR4.PKS=1')).to.equal('privilege-violation 21');
  });

  it('say where TCG would answer otherwise', async () => {
    await using guest = await launchKernel('long4');
    const architecture = await ask(guest, reserved, READ, {});
    expect(summary(architecture)).to.equal('reserved-bits 9');
    expect(told(architecture)).to.match(/TCG raises #PF with error code 0x8 /);
    const tcg = await ask(guest, reserved, READ, { profile: parseProfile('tcg') });
    expect(summary(tcg)).to.equal('reserved-bits 8');
    expect(tcg.deviation).to.equal(null);
    expect((await ask(guest, rw, READ, {})).deviation).to.equal(null);
  });

  it('say it of an AMD processor, whose manual reserves bit 8 of a PML4E', async () => {
    await using guest = await launchKernel('long4', { cpu: 'max,vendor=AuthenticAMD' });
    const address = kernelPage(long4, 'pml4e-bit-8').address;
    const answer = await ask(guest, address, READ, {});
    expect(summary(answer)).to.equal('reserved-bits 9');
    expect(told(answer)).to.match(/TCG maps it to 0x120000/);
  });

  it('take the trace of TCG in PAE PDPTEs for what it is, whichever profile judges', async () => {
    await using guest = await launchKernel('pae');
    const code = kernelPage(pae, 'code').address;
    const plain = await ask(guest, code, READ, {});
    expect(plain.translation.steps[0]?.value.toString(16)).to.match(/21$/);
    const profiles = ['intel', 'amd', 'kvm', 'tcg'] as const;
    const answers = [plain];
    for (const name of profiles) answers.push(await ask(guest, code, READ, { profile: parseProfile(name) }));
    expect(answers.map(summary)).to.deep.equal(new Array<string>(5).fill('mapped'));
    const countRanges = (scope: MapScope): Promise<number> =>
      withPausedGuest({ qmp: guest.qmpEndpoint }, async (paused) => {
        let ranges = 0;
        await paused.mapRanges(() => {
          ranges += 1;
          return true;
        }, scope);
        return ranges;
      });
    const ranges = await countRanges({});
    expect(ranges).to.be.greaterThan(5);
    for (const name of profiles) expect(await countRanges({ profile: parseProfile(name) }), name).to.equal(ranges);
  });
});
