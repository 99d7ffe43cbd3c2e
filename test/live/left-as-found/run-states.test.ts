import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { attach, withPausedGuest } from '../../../src/guest/index.ts';
import { launchQemu } from '../../../src/testing/index.ts';
import { eventually } from '../../support/eventually.ts';
import { expectRejection } from '../../support/expect-rejection.ts';
import { launchKernel } from '../../support/live/guest/kernel-guest.ts';
import { Witness } from '../../support/live/guest/witness.ts';
import { useScratchDirectory } from '../../support/live/scratch-directory.ts';

describe('a guest that migrates', function () {
  this.timeout(60_000);

  const file = useScratchDirectory();

  it('is not stopped where it is to arrive, so that it runs when it has arrived', async () => {
    const channel = `unix:${file('incoming')}`;
    await using source = await launchKernel('long4');
    await using from = await Witness.of(source);
    // What there is to migrate into must be made the same way.
    const { command } = source;
    const kernel = command[command.indexOf('-kernel') + 1] ?? '';
    const extraArgs = ['-no-reboot', '-incoming', channel];
    await using target = await launchQemu({ cpu: 'max', accel: 'tcg', kernel, extraArgs });
    await using to = await Witness.of(target);
    expect(await to.runState()).to.equal('inmigrate');
    await withPausedGuest({ qmp: target.qmpEndpoint }, (paused) => paused.vcpuState());
    expect(await to.runState()).to.equal('inmigrate');
    await from.execute('migrate', { uri: channel });
    await eventually('it has arrived', async () => (await to.runState()) !== 'inmigrate');
    expect(await to.runState(), 'it was to run on').to.equal('running');
    await target.console.waitForNextLine((line) => line.startsWith('tick '));
  });

  it('is not paused while it leaves', async () => {
    await using guest = await launchKernel('long4');
    await using witness = await Witness.of(guest);
    // Nothing is read: what fits into the pipe is not even a list of this guest's pages. It outlives QEMU, whose pipes it holds.
    await witness.execute('migrate', { uri: 'exec:exec sleep 10' });
    await eventually('it leaves', async () => {
      const { status } = (await witness.execute('query-migrate')) as { status?: string };
      return status === 'active';
    });
    const error = await expectRejection(withPausedGuest({ qmp: guest.qmpEndpoint }, (paused) => paused.vcpuState()));
    expect(error).to.have.property('code', 'ERR_GUEST_MIGRATING');
    expect(await witness.runState()).to.equal('running');
    expect(witness.stops).to.equal(0);
  });

  it('whose migration ends during a pause is not resumed beside the one that arrived', async () => {
    await using guest = await launchKernel('long4');
    await using witness = await Witness.of(guest);
    const error = await expectRejection(
      withPausedGuest({ qmp: guest.qmpEndpoint, maxPauseMs: 30_000 }, async () => {
        await witness.execute('migrate', { uri: 'exec:cat >/dev/null' });
        await eventually('it has left', async () => (await witness.runState()) === 'postmigrate');
      }),
    );
    expect(error).to.have.property('code', 'ERR_GUEST_NOT_RESTORED');
    expect(error.message).to.contain('"postmigrate"');
    await delay(200);
    expect(await witness.runState()).to.equal('postmigrate');
  });
});

describe('a guest that another client resets in our pause', function () {
  this.timeout(60_000);

  for (const way of ['QMP and the stub', 'the stub alone'] as const) {
    it(`${way}: runs again, as it ran before`, async () => {
      await using guest = await launchKernel('long4', { gdb: true });
      await using witness = await Witness.of(guest);
      await witness.execute('set-action', { reboot: 'reset' });
      const gdb = guest.gdbEndpoint;
      const endpoints = way === 'the stub alone' ? { gdb } : { qmp: guest.qmpEndpoint, gdb };
      const attached = await attach({ ...endpoints, maxPauseMs: 30_000 });
      await (await attached.pause()).vcpuState();
      await witness.execute('system_reset');
      await eventually('it is reset', async () => (await witness.runState()) === 'prelaunch');
      await attached.detach();
      expect(await witness.runState()).to.equal('running');
    });
  }

  it('stays paused where it had been paused', async () => {
    await using guest = await launchKernel('long4');
    await using witness = await Witness.of(guest);
    await witness.execute('set-action', { reboot: 'reset' });
    await witness.execute('stop');
    const attached = await attach({ qmp: guest.qmpEndpoint });
    await (await attached.pause()).vcpuState();
    await witness.execute('system_reset');
    await eventually('it is reset', async () => (await witness.runState()) === 'prelaunch');
    await attached.detach();
    expect(await witness.runState()).to.equal('prelaunch');
  });
});
