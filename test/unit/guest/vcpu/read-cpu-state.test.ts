import { expect } from 'chai';
import { parseDeviceState, QmpClosedError, QmpProtocolError } from '../../../../protocols/qmp/index.ts';
import { DeviceStateObstacle } from '../../../../src/guest/device-state/device-state-obstacle.ts';
import { readCpuState } from '../../../../src/guest/vcpu/read-cpu-state.ts';
import { expectRejection } from '../../../support/expect-rejection.ts';
import { fakeMonitor } from '../../../support/fakes/fake-monitor.ts';
import { readFixture } from '../../../support/fakes/read-fixture.ts';

const STATE = readFixture('qmp/device-state/x86_64.bin');

/** A file that QEMU writes, and what is done with it, in order. */
function fileOf(bytes: Uint8Array = STATE) {
  const log: string[] = [];
  const file = {
    path: '/run/state',
    read: async () => {
      log.push('read');
      return Buffer.from(bytes);
    },
    discard: async () => {
      await Promise.resolve();
      log.push('discarded');
    },
  };
  const open = async () => {
    log.push('opened');
    return file;
  };
  return { log, open, file };
}

describe('one vCPU out of QEMU’s device state', () => {
  it('is saved, read, and the file is gone again', async () => {
    const { log, open } = fileOf();
    const monitor = fakeMonitor({
      saveDeviceState: async (path) => {
        await Promise.resolve();
        log.push(`saved to ${path}`);
      },
    });
    expect(await readCpuState(monitor, 0, open)).to.deep.equal(parseDeviceState(STATE).cpus.get(0));
    expect(log).to.deep.equal(['opened', 'saved to /run/state', 'read', 'discarded']);
    expect(await readCpuState(monitor, 5, open)).to.deep.equal({ code: 'no-saved-vcpu', cpu: 5 });
  });

  it('is not asked for without QMP, and no file is opened', async () => {
    const { log, open } = fileOf();
    expect(await readCpuState(fakeMonitor(), 0, open)).to.deep.equal({ code: 'no-qmp' });
    expect(log).to.deep.equal([]);
  });

  it('is unavailable for the reason that there is, and the file is gone all the same', async () => {
    const { log, open } = fileOf();
    const failing = (error: unknown) =>
      readCpuState(fakeMonitor({ saveDeviceState: () => Promise.reject(error) }), 0, open);
    const obstacle = { code: 'unsafe-run-state', status: 'running' } as const;
    expect(await failing(new DeviceStateObstacle(obstacle))).to.equal(obstacle);
    expect(await failing(new Error('no space'))).to.deep.equal({
      code: 'device-state-unreadable',
      message: 'no space',
    });
    expect(await failing('words')).to.deep.equal({ code: 'device-state-unreadable', message: 'words' });
    expect(log).to.deep.equal(['opened', 'discarded', 'opened', 'discarded', 'opened', 'discarded']);
    const unopened = await readCpuState(fakeMonitor({ saveDeviceState: async () => {} }), 0, () => {
      throw new Error('no folder');
    });
    expect(unopened).to.deep.equal({ code: 'device-state-unreadable', message: 'no folder' });
  });

  it('is an error where the connection is lost', async () => {
    const happened = { endpoint: 'unix:/qmp', happened: 'QEMU exited', command: 'x', explanation: '' };
    for (const error of [
      new QmpClosedError(happened),
      new QmpProtocolError({ endpoint: 'unix:/qmp', expected: 'JSON', received: '' }),
    ]) {
      const { log, open } = fileOf();
      const monitor = fakeMonitor({ saveDeviceState: () => Promise.reject(error) });
      expect(await expectRejection(readCpuState(monitor, 0, open))).to.equal(error);
      expect(log).to.deep.equal(['opened', 'discarded']);
    }
  });
});
