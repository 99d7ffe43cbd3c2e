import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { connect } from '../../../protocols/transport/index.ts';
import { inspectStub } from '../../../scripts/torture/rig/raw/inspected-stub.ts';
import { RawMonitor } from '../../../scripts/torture/rig/raw/raw-monitor.ts';
import { attach } from '../../../src/guest/index.ts';
import type { QemuProcess } from '../../../src/testing/index.ts';
import { KERNELS } from '../../kernels/manifests/kernels.ts';
import { kernelPage } from '../../kernels/manifests/manifest.ts';
import { eventually } from '../../support/eventually.ts';
import { expectRejection } from '../../support/expect-rejection.ts';
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

  it('is not made where the stub serves another, by whatever way it is named: nothing is touched', async () => {
    const path = join(guest.directory, 'link');
    symlinkSync(guest.gdbEndpoint.slice('unix:'.length), path);
    const debuggerThere = await connect(guest.gdbEndpoint, { timeoutMs: 5000 });
    const isServed = async () => {
      const devices = (await monitor.execute('query-chardev')) as { label: string; filename: string }[];
      return devices.some(({ label, filename }) => label === 'gdb' && !filename.startsWith('disconnected:'));
    };
    await eventually('the debugger is served', isServed);
    await monitor.execute('cont');
    const attached = await attach({ qmp: guest.qmpEndpoint, gdb: `unix:${path}` });
    const stops = monitor.events.length;
    expect(await expectRejection(attached.pause())).to.include({ code: 'ERR_GUEST_STUB_BUSY' });
    await attached.detach();
    await debuggerThere.close();
    await eventually('the debugger has left', async () => !(await isServed()));
    expect(await monitor.runState()).to.equal('running');
    expect(monitor.events.slice(stops)).to.not.include('STOP');
  });
});
