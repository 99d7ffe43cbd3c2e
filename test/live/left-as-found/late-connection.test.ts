import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { QmpClient } from '../../../protocols/qmp/index.ts';
import { connect } from '../../../protocols/transport/index.ts';
import { inspectStub } from '../../../scripts/torture/rig/raw/inspected-stub.ts';
import { RawMonitor } from '../../../scripts/torture/rig/raw/raw-monitor.ts';
import { attach } from '../../../src/guest/index.ts';
import { LateWatch } from '../../../src/guest/restore/late-connection.ts';
import type { QemuProcess } from '../../../src/testing/index.ts';
import { KERNELS } from '../../kernels/manifests/kernels.ts';
import { kernelPage } from '../../kernels/manifests/manifest.ts';
import { eventually } from '../../support/eventually.ts';
import { expectRejection } from '../../support/expect-rejection.ts';
import { launchKernel } from '../../support/live/guest/kernel-guest.ts';
import { LateProxy } from '../../support/live/peer/late-proxy.ts';
import { LingeringProxy } from '../../support/live/peer/lingering-proxy.ts';
import { runPagewalk } from '../../support/live/run-pagewalk.ts';

const { address: linearAddress } = kernelPage(KERNELS.long4, 'rw');
const ADDRESS = `0x${linearAddress.toString(16)}`;
const READ = {
  linearAddress,
  access: { write: false, user: false, exec: false },
};

/** It is the connection that fails, and not the monitor beside other tests, nor the pause. */
const SLOW = { timeoutMs: 3000, maxPauseMs: 15_000 };

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

  async function isServed(): Promise<boolean> {
    const devices = (await monitor.execute('query-chardev')) as { label: string; filename: string }[];
    return devices.some(({ label, filename }) => label === 'gdb' && !filename.startsWith('disconnected:'));
  }

  async function stops(): Promise<number> {
    // Events come before replies.
    await monitor.runState();
    return monitor.events.filter((event) => event === 'STOP').length;
  }

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

  it('is resumed from by the watchdog of a client that got no answer by a slow way, and has left', async () => {
    await using way = await LateProxy.before(guest.gdbEndpoint);
    way.hold();
    const endpoints = [`--qmp=${guest.qmpEndpoint}`, `--gdb=${way.endpoint}`];
    const { status, stderr } = await runPagewalk([
      'translate',
      ADDRESS,
      `--timeout=${SLOW.timeoutMs}`,
      `--max-pause=${SLOW.maxPauseMs}`,
      ...endpoints,
    ]);
    expect(status).to.equal(3);
    expect(stderr)
      .to.contain('QEMU may take the connection up when this client has left')
      .and.contain('the watchdog resumes it');
    expect(way.waiting).to.equal(1);
    expect(await monitor.runState()).to.equal('running');
    const before = await stops();
    way.arrive();
    await eventually('QEMU has taken it up', async () => (await stops()) > before);
    await eventually('the guest runs', async () => (await monitor.runState()) === 'running');
    const place = { path: guest.gdbEndpoint.slice('unix:'.length), isThere: true };
    expect(await inspectStub(monitor, place)).to.deep.equal([]);
  });

  it('is resumed from by a client that has not left: it may ask again', async () => {
    await using way = await LateProxy.before(guest.gdbEndpoint);
    way.hold();
    const attached = await attach({ qmp: guest.qmpEndpoint, gdb: way.endpoint, hostMemory: false, ...SLOW });
    const asked = attached.whilePaused((paused) => paused.translate([READ]));
    expect(await expectRejection(asked)).to.include({ code: 'ERR_GUEST_STUB_UNREACHABLE' });
    expect(await monitor.runState()).to.equal('running');
    const before = await stops();
    way.arrive();
    await eventually('QEMU has taken it up', async () => (await stops()) > before);
    await eventually('the guest runs', async () => (await monitor.runState()) === 'running');
    await monitor.execute('stop');
    await attached.detach();
    expect(await monitor.runState()).to.equal('paused');
  });

  it('is not what a debugger does that comes meanwhile: its pause is left to it, also when it has left', async () => {
    const watch = new LateWatch({ stub: guest.gdbEndpoint, count: 1, wasServed: false });
    const qmp = await QmpClient.connect(guest.qmpEndpoint, { timeoutMs: 5000 });
    try {
      await watch.look(qmp);
      const debuggerThere = await connect(guest.gdbEndpoint, { timeoutMs: 5000 });
      await eventually('the debugger is served', isServed);
      await watch.look(qmp);
      await debuggerThere.close();
      await eventually('the debugger has left', async () => !(await isServed()));
      while (!watch.isOver) await watch.look(qmp);
    } finally {
      await qmp.close();
    }
    expect(await monitor.runState()).to.equal('paused');
    expect(monitor.events).to.not.include('RESUME');
  });

  it('is not made where the stub serves another, by whatever way it is named: nothing is touched', async () => {
    const path = join(guest.directory, 'link');
    symlinkSync(guest.gdbEndpoint.slice('unix:'.length), path);
    const debuggerThere = await connect(guest.gdbEndpoint, { timeoutMs: 5000 });
    await eventually('the debugger is served', isServed);
    await monitor.execute('cont');
    const attached = await attach({ qmp: guest.qmpEndpoint, gdb: `unix:${path}` });
    const begun = monitor.events.length;
    expect(await expectRejection(attached.pause())).to.include({ code: 'ERR_GUEST_STUB_BUSY' });
    await attached.detach();
    await debuggerThere.close();
    await eventually('the debugger has left', async () => !(await isServed()));
    expect(await monitor.runState()).to.equal('running');
    expect(monitor.events.slice(begun)).to.not.include('STOP');
  });
});
