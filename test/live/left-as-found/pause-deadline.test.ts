import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { attach, withPausedGuest } from '../../../src/guest/index.ts';
import type { QemuProcess } from '../../../src/testing/index.ts';
import { KERNELS } from '../../kernels/manifests/kernels.ts';
import { kernelPage } from '../../kernels/manifests/manifest.ts';
import { eventually } from '../../support/eventually.ts';
import { expectRejection } from '../../support/expect-rejection.ts';
import { launchKernel } from '../../support/live/guest/kernel-guest.ts';
import { Witness } from '../../support/live/guest/witness.ts';
import { StallingProxy } from '../../support/live/peer/stalling-proxy.ts';
import { startPagewalk } from '../../support/live/run-pagewalk.ts';

const RW = kernelPage(KERNELS.long4, 'rw').address;
const READ = { linearAddress: RW, access: { write: false, user: false, exec: false } };
const TOO_LONG = 'ERR_GUEST_PAUSE_TOO_LONG';

/** The end of a pause; what has to be asked in it is done in a fraction of that, also beside other tests. Milliseconds. */
const SHORT_MS = 2500;

describe('a pause that lasts too long', function () {
  this.timeout(60_000);

  let guest: QemuProcess;
  let witness: Witness;
  let stub: StallingProxy;

  beforeEach(async () => {
    guest = await launchKernel('long4');
    witness = await Witness.of(guest);
    stub = await StallingProxy.before(guest.gdbEndpoint);
  });

  afterEach(async () => {
    await stub[Symbol.asyncDispose]();
    await witness[Symbol.asyncDispose]();
    await guest.stop();
  });

  const runs = async (): Promise<boolean> => (await witness.runState()) === 'running';

  const SILENCES = [
    ['is ended while a question waits for a stub that says nothing; the question fails for that reason', {}],
    ['is ended by the client alone where the stub says nothing, and there is no watchdog', { watchdog: false }],
  ] as const;
  for (const [title, more] of SILENCES) {
    it(title, async () => {
      const attached = await attach({
        ...{ qmp: guest.qmpEndpoint, gdb: stub.endpoint, timeoutMs: 30_000, maxPauseMs: SHORT_MS },
        ...more,
      });
      const stalled = stub.stallAt(/\$m/);
      const question = expectRejection(attached.whilePaused((paused) => paused.translate([READ])));
      await stalled;
      await eventually('the guest runs', runs);
      stub.flow();
      expect(await question).to.have.property('code', TOO_LONG);
      await attached.detach();
      expect(await runs()).to.equal(true);
    });
  }

  it('is ended while a stub has yet to answer at all, and what answers too late pauses nothing', async () => {
    const stalled = stub.stallAt(/\$qSupported/);
    const attached = await attach({
      qmp: guest.qmpEndpoint,
      gdb: stub.endpoint,
      timeoutMs: 30_000,
      maxPauseMs: SHORT_MS,
    });
    const pausing = expectRejection(attached.pause());
    await stalled;
    expect(await pausing).to.have.property('code', TOO_LONG);
    await eventually('the guest runs', runs);
    stub.flow();
    await attached.detach();
    await guest.console.waitForNextLine((line) => line.startsWith('tick '));
    expect(await runs()).to.equal(true);
  });

  it('is ended by the watchdog where the monitor does not answer any more', async () => {
    await using monitor = await StallingProxy.before(guest.qmpEndpoint);
    const attached = await attach({
      qmp: monitor.endpoint,
      gdb: guest.gdbEndpoint,
      timeoutMs: 60_000,
      maxPauseMs: SHORT_MS,
    });
    const paused = await attached.pause();
    const stalled = monitor.stallOneAt(/query-status/);
    const question = expectRejection(paused.translate([READ]).then(() => paused.translate([READ])));
    await stalled;
    await eventually('the guest runs', runs);
    expect(await question).to.be.instanceOf(Error);
    await attached.detach();
    expect(await runs()).to.equal(true);
    const [answer] = await withPausedGuest({ qmp: guest.qmpEndpoint, gdb: guest.gdbEndpoint }, (again) =>
      again.translate([READ]),
    );
    expect(answer?.translation.kind).to.equal('mapped');
  });

  it('is ended by the watchdog where neither answers any more while the guest is being left', async () => {
    await using monitor = await StallingProxy.before(guest.qmpEndpoint);
    const options = { timeoutMs: 60_000, maxPauseMs: SHORT_MS };
    const attached = await attach({ qmp: monitor.endpoint, gdb: stub.endpoint, ...options });
    await attached.pause();
    stub.stall();
    const stalled = monitor.stallOneAt(/query-status/);
    const leaving = attached.detach().catch(() => {});
    await stalled;
    await eventually('the guest runs', runs);
    stub.flow();
    await leaving;
    expect(await runs()).to.equal(true);
  });

  it('is ended when the caller forgets it, and what it asks then reaches no stub', async () => {
    const attached = await attach({ qmp: guest.qmpEndpoint, gdb: stub.endpoint, maxPauseMs: SHORT_MS });
    const paused = await attached.pause();
    expect(await runs()).to.equal(false);
    await eventually('the guest runs', runs);
    const { stops } = witness;
    expect(await expectRejection(paused.translate([READ]))).to.have.property('code', TOO_LONG);
    expect(await runs()).to.equal(true);
    expect(witness.stops, 'a byte to the stub would have stopped the guest').to.equal(stops);
    const [answer] = await attached.whilePaused((again) => again.translate([READ]));
    expect(answer?.translation.kind, 'the next pause is as good as ever').to.equal('mapped');
    await attached.detach();
  });

  for (const [what, packet] of [
    ['has yet to answer at all', /\$qSupported/],
    ['has told what it can, and not yet whether the guest ran', /\$qRcmd,696e666f20737461747573/],
  ] as const) {
    it(`is ended with the stub alone while that ${what}`, async () => {
      const stalled = stub.stallAt(packet);
      const attaching = expectRejection(attach({ gdb: stub.endpoint, timeoutMs: 30_000, maxPauseMs: SHORT_MS }));
      await stalled;
      // Not only why the pause was ended, but that nothing has come of it yet.
      const { errors } = (await attaching) as AggregateError;
      expect(errors.map(({ code }) => code)).to.deep.equal([TOO_LONG, 'ERR_GUEST_NOT_RESTORED']);
      stub.flow();
      await eventually('the guest runs', runs);
      await guest.console.waitForNextLine((line) => line.startsWith('tick '));
      expect(await runs()).to.equal(true);
    });
  }

  it('is ended with the stub alone, too', async () => {
    const attached = await attach({ gdb: stub.endpoint, maxPauseMs: SHORT_MS });
    const paused = await attached.pause();
    expect(await runs()).to.equal(false);
    await eventually('the guest runs', runs);
    expect(await expectRejection(paused.translate([READ]))).to.have.property('code', TOO_LONG);
    await attached.detach();
    expect(await runs()).to.equal(true);
  });

  it('of a guest that had been paused before has no deadline: questions may take their time', async () => {
    await witness.execute('stop');
    const attached = await attach({ qmp: guest.qmpEndpoint, maxPauseMs: 300 });
    const paused = await attached.pause();
    await delay(1000);
    const [answer] = await paused.translate([READ]);
    expect(answer?.translation.kind).to.equal('mapped');
    await attached.detach();
    expect(await witness.runState()).to.equal('paused');
  });

  it('has no part of it while the guest is let run in it, and begins anew after that', async () => {
    const attached = await attach({ qmp: guest.qmpEndpoint, maxPauseMs: SHORT_MS });
    await attached.pause();
    expect((await attached.run({ breakpoints: [], timeoutMs: SHORT_MS + 500 })).reason).to.equal('time-is-up');
    expect(await runs()).to.equal(false);
    const paused = await attached.pause();
    expect((await paused.translate([READ]))[0]?.translation.kind).to.equal('mapped');
    await eventually('the guest runs', runs);
    await attached.detach();
    expect(await runs()).to.equal(true);
  });

  it('is not ended for one who wants it to last', async () => {
    const attached = await attach({ qmp: guest.qmpEndpoint, maxPauseMs: Number.POSITIVE_INFINITY });
    await attached.pause();
    await delay(1000);
    expect(await runs()).to.equal(false);
    await attached.detach();
    expect(await runs()).to.equal(true);
  });

  it('of a command that is suspended: the watchdog ends the command, and the guest runs', async () => {
    const stalled = stub.stallAt(/\$m/);
    const words = ['translate', `0x${RW.toString(16)}`, '--qmp', guest.qmpEndpoint, '--gdb', stub.endpoint];
    const { child } = startPagewalk([...words, '--timeout', '30000', '--max-pause', String(SHORT_MS)]);
    await stalled;
    child.kill('SIGSTOP');
    const ended = once(child, 'exit');
    stub.flow();
    await eventually('the guest runs', runs);
    expect((await ended)[1]).to.equal('SIGKILL');
    await guest.console.waitForNextLine((line) => line.startsWith('tick '));
  });
});
