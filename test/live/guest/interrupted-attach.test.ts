import { expect } from 'chai';
import { attach } from '../../../src/guest/index.ts';
import type { QemuProcess } from '../../../src/testing/index.ts';
import { expectRejection } from '../../support/expect-rejection.ts';
import { launchKernel } from '../../support/live/guest/kernel-guest.ts';
import { Witness } from '../../support/live/guest/witness.ts';
import { StallingProxy } from '../../support/live/peer/stalling-proxy.ts';

describe('attaching and pausing, interrupted', function () {
  this.timeout(60_000);

  let guest: QemuProcess;
  let witness: Witness;

  beforeEach(async () => {
    guest = await launchKernel('long4');
    witness = await Witness.of(guest);
  });

  afterEach(async () => {
    await witness[Symbol.asyncDispose]();
    await guest.stop();
  });

  /** A guest whose stub takes a connection out of its queue only now would be paused by now. */
  async function expectTicking(): Promise<void> {
    await guest.console.waitForNextLine((line) => line.startsWith('tick '));
    await guest.console.waitForNextLine((line) => line.startsWith('tick '));
    expect(await witness.runState()).to.equal('running');
  }

  it('a signal that fired before the stub was connected: it is not connected', async () => {
    await expectRejection(attach({ gdb: guest.gdbEndpoint, signal: AbortSignal.abort() }));
    await expectTicking();
  });

  it('a stub that answers no handshake, after the connection has paused the guest: it runs again', async () => {
    const stub = await StallingProxy.before(guest.gdbEndpoint);
    try {
      // QEMU 7.2 greets with a stop reply, which passes; the answers do not.
      const stalled = stub.stallAt(/\$qqemu/);
      const failure = expectRejection(attach({ gdb: stub.endpoint, timeoutMs: 300 }));
      await stalled;
      expect(await witness.runState()).to.equal('paused');
      await failure;
      stub.flow();
      await expectTicking();
    } finally {
      await stub[Symbol.asyncDispose]();
    }
  });

  it('detached while a pause is under way: the pause is waited for, and undone', async () => {
    const monitor = await StallingProxy.before(guest.qmpEndpoint);
    try {
      const attached = await attach({ qmp: monitor.endpoint, gdb: guest.gdbEndpoint });
      const stalled = monitor.stallAt(/"stop"/);
      const pausing = attached.pause().then(
        () => 'paused',
        () => 'failed',
      );
      await stalled;
      const leaving = attached.detach();
      monitor.flow();
      await Promise.all([pausing, leaving]);
      await expectTicking();
      expect(await expectRejection(attached.pause())).to.have.property('code', 'ERR_GUEST_USAGE');
    } finally {
      await monitor[Symbol.asyncDispose]();
    }
  });

  it('a stop that QEMU confirms too late: the guest runs again', async () => {
    const monitor = await StallingProxy.before(guest.qmpEndpoint);
    try {
      const attached = await attach({ qmp: monitor.endpoint, gdb: guest.gdbEndpoint, timeoutMs: 300 });
      const stalled = monitor.stallAt(/"stop"/);
      const failure = expectRejection(attached.pause());
      await stalled;
      expect(await failure).to.have.property('code', 'ERR_QMP_TIMEOUT');
      monitor.flow();
      await attached.detach();
      await expectTicking();
    } finally {
      await monitor[Symbol.asyncDispose]();
    }
  });

  it('detached in the middle of a question: the question fails, and the guest runs', async () => {
    const stub = await StallingProxy.before(guest.gdbEndpoint);
    try {
      const attached = await attach({ qmp: guest.qmpEndpoint, gdb: stub.endpoint });
      const paused = await attached.pause();
      const stalled = stub.stallAt(/\$m/);
      const access = { write: false, user: false, exec: false };
      const question = expectRejection(paused.translate([{ linearAddress: 0x80_0000_0000n, access }]));
      await stalled;
      const leaving = attached.detach();
      stub.flow();
      await leaving;
      expect(await question).to.have.property('code', 'ERR_GUEST_NOT_PAUSED');
      await expectTicking();
    } finally {
      await stub[Symbol.asyncDispose]();
    }
  });
});
