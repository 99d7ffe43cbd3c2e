import { expect } from 'chai';
import { inspectStub } from '../../../scripts/torture/rig/raw/inspected-stub.ts';
import { RawMonitor } from '../../../scripts/torture/rig/raw/raw-monitor.ts';
import { attach } from '../../../src/guest/index.ts';
import type { QemuProcess } from '../../../src/testing/index.ts';
import { KERNELS } from '../../kernels/manifests/kernels.ts';
import { kernelPage } from '../../kernels/manifests/manifest.ts';
import { eventually } from '../../support/eventually.ts';
import { launchKernel } from '../../support/live/guest/kernel-guest.ts';
import { LingeringProxy } from '../../support/live/peer/lingering-proxy.ts';

const READ = {
  linearAddress: kernelPage(KERNELS.long4, 'rw').address,
  access: { write: false, user: false, exec: false },
};

/*
 * QEMU serves one client of its stub at a time, and takes the next one out of its queue whenever the one before has left, also when the next
 * one has left meanwhile: that pauses the guest. Here the first one seems to stay, as it does behind a tunnel that is slow to
 * tell of its end.
 */
describe('a connection that QEMU takes up when its client has left', function () {
  this.timeout(120_000);

  let guest: QemuProcess;
  let monitor: RawMonitor;

  beforeEach(async () => {
    guest = await launchKernel('long4');
    monitor = await RawMonitor.open(guest.witnessEndpoint.slice('unix:'.length));
  });

  afterEach(async () => {
    await monitor[Symbol.asyncDispose]();
    await guest.stop();
  });

  it('leaves the guest running, and the stub as it was', async () => {
    await using stub = await LingeringProxy.before(guest.gdbEndpoint);
    const attached = await attach({ qmp: guest.qmpEndpoint, gdb: stub.endpoint, hostMemory: false, timeoutMs: 4000 });
    await (await attached.pause()).translate([READ]);
    stub.breakOff();
    await attached.detach().catch(() => {});
    expect(await monitor.runState()).to.equal('running');
    stub.letGo();
    await eventually('the watchdog has come to the stub, and left it', () => stub.servedSince > 0 && stub.isIdle);
    await eventually('the guest runs', async () => (await monitor.runState()) === 'running');
    const place = { path: guest.gdbEndpoint.slice('unix:'.length), isThere: true };
    expect(await inspectStub(monitor, place)).to.deep.equal([]);
    expect(await monitor.runState()).to.equal('running');
  });
});
