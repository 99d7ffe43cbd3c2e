import { expect } from 'chai';
import { attach } from '../../../src/guest/index.ts';
import { KERNELS } from '../../kernels/manifests/kernels.ts';
import { kernelPage } from '../../kernels/manifests/manifest.ts';
import { expectRejection } from '../../support/expect-rejection.ts';
import { launchKernel } from '../../support/live/guest/kernel-guest.ts';
import { Witness } from '../../support/live/guest/witness.ts';

const READ = { write: false, user: false, exec: false };

/** Every STOP that QEMU reports to another client from now on. */
async function countStops(witness: Witness, during: () => Promise<void>): Promise<number> {
  const before = witness.stops;
  await during();
  // Events of one monitor come in order: this answer is behind all of them.
  await witness.runState();
  return witness.stops - before;
}

describe('asking a guest while it runs', function () {
  this.timeout(60_000);

  for (const kernel of Object.values(KERNELS)) {
    it(`${kernel.name}: the right answer, and not one pause`, async () => {
      await using guest = await launchKernel(kernel.name);
      await using witness = await Witness.of(guest);
      const attached = await attach({ qmp: guest.qmpEndpoint });
      const page = kernelPage(kernel, 'rw');
      const stops = await countStops(witness, async () => {
        using live = attached.live();
        const [answer] = await live.translate([{ linearAddress: page.address, access: READ }]);
        expect(answer?.translation.kind).to.equal('mapped');
        const path = answer?.translation.steps.map(({ address }) => address.toString(16));
        expect(path).to.deep.equal(page.path.map(({ address }) => address.toString(16)));
        expect(answer?.assumed.at(-1)).to.include({ name: 'moment', decides: true });
        expect((await live.memoryReport()).provider).to.equal('host-process');
      });
      await attached.detach();
      expect(stops).to.equal(0);
      await guest.console.waitForNextLine((line) => line.startsWith('tick '));
    });
  }

  it('sets no bit', async () => {
    await using guest = await launchKernel('long4');
    const attached = await attach({ qmp: guest.qmpEndpoint });
    using live = attached.live();
    const flags = { setAccessed: true, setDirty: false, forceSetAccessed: false };
    const linearAddress = kernelPage(KERNELS.long4, 'rw').address;
    const error = await expectRejection(live.translate([{ linearAddress, access: READ, flags }]));
    expect(error).to.have.property('code', 'ERR_GUEST_USAGE');
    await attached.detach();
  });

  it('is refused where only the stub is known', async () => {
    await using guest = await launchKernel('long4');
    const attached = await attach({ gdb: guest.gdbEndpoint });
    expect(() => attached.live()).to.throw(/only through QMP/);
    await attached.detach();
  });
});
