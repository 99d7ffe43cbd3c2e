import { expect } from 'chai';
import { attach, type GuestTranslation, type PausedGuest, parseNestedStage } from '../../src/guest/index.ts';
import { WINDOW_CODE } from '../conformance/nested-processor/layout.ts';
import { runProbes } from '../conformance/nested-processor/run-probes.ts';
import { SvmGuest } from '../conformance/nested-processor/svm-guest.ts';
import { KERNELS, kernelPage } from '../kernels/manifest.ts';
import { launchKernel } from '../support/kernel-guest.ts';

const FETCH = { write: false, user: false, exec: true };
const READ = { ...FETCH, exec: false };
/** How many entries the guest's own walk uses in each of the modes that the hypervisor gives it. */
const TABLES = { off: 0, '32-bit': 2, pae: 3, '4-level': 4, '5-level': 5 } as const;

async function lookInside(paused: PausedGuest): Promise<GuestTranslation | undefined> {
  const { nested } = await paused.vcpuState();
  if (nested.value === null) return undefined;
  const [answer] = await paused.translate([{ linearAddress: BigInt(WINDOW_CODE), access: FETCH }]);
  // Random tables: some guests never get to their first instruction, and are rightly seen to fault on their way to it.
  return answer?.nested?.translation.kind === 'mapped' ? answer : undefined;
}

describe('the guest of a guest', function () {
  this.timeout(120_000);

  it('is found by itself, and seen through both stages, whenever the hypervisor runs one', async () => {
    await using guest = await SvmGuest.launch({ hostMode: '4-level', maxPhyAddr: 40, pdpe1gb: true });
    let isProbing = true;
    const probing = runProbes(guest, { seed: 1, probes: 100_000 }).finally(() => {
      isProbing = false;
    });
    const attached = await attach({ qmp: guest.qmpEndpoint });
    let answer: GuestTranslation | undefined;
    try {
      // It runs for a good part of the time: not all looks miss it.
      while (isProbing && answer === undefined) answer = await attached.whilePaused(lookInside);
    } finally {
      await attached.detach();
    }
    // The window lies at the same linear, guest-physical and host-physical address.
    const tables = TABLES[answer?.mode ?? 'off'];
    const nested = answer?.nested?.translation;
    expect(nested?.kind).to.equal('mapped');
    if (nested?.kind !== 'mapped') return;
    expect(nested.guestPhysicalAddress.toString(16)).to.equal(WINDOW_CODE.toString(16));
    expect(nested.physicalAddress.toString(16)).to.equal(WINDOW_CODE.toString(16));
    const purposes = [...new Array<string>(tables).fill('table'), 'final'];
    expect(nested.walks.map(({ purpose }) => purpose)).to.deep.equal(purposes);
    // The looks have disturbed nothing.
    const report = await probing;
    expect(report.disagreements, report.descriptions.join('\n')).to.equal(0);
  });

  it('is not seen where there is none', async () => {
    await using guest = await launchKernel('long4');
    const attached = await attach({ qmp: guest.qmpEndpoint });
    try {
      const { nested } = await attached.whilePaused((paused) => paused.vcpuState());
      expect(nested).to.deep.equal({ value: null, from: 'not-in-use', detail: 'EFER.SVME=0' });
    } finally {
      await attached.detach();
    }
  });

  it('can be named by hand: none, or one whose tables are nowhere', async () => {
    await using guest = await launchKernel('long4');
    const attached = await attach({ qmp: guest.qmpEndpoint });
    try {
      const page = kernelPage(KERNELS.long4, 'rw');
      const [none, outside] = await attached.whilePaused((paused) =>
        Promise.all(
          ['none', 'npt:0x7000000000'].map(async (stage) => {
            const scope = { nested: parseNestedStage(stage) };
            return (await paused.translate([{ linearAddress: page.address, access: READ }], scope))[0];
          }),
        ),
      );
      expect(none?.translation.kind).to.equal('mapped');
      expect(none?.nested).to.equal(null);
      // The second stage's failure is memory that the guest does not have.
      const { translation } = outside ?? {};
      expect(translation?.kind === 'fault' && translation.cause).to.equal('unbacked-table');
      expect(translation?.kind === 'fault' && translation.responsible?.address.toString(16)).to.equal('110008');
    } finally {
      await attached.detach();
    }
  });
});
