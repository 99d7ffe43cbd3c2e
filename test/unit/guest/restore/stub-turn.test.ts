import { expect } from 'chai';
import { parseChardevFilename } from '../../../../protocols/qmp/commands/query-chardev.ts';
import { type ChardevInfo, QmpClient } from '../../../../protocols/qmp/index.ts';
import {
  isStubBusy,
  isStubOn,
  seesConnection,
  stubBecomesFree,
  watchServing,
} from '../../../../src/guest/restore/stub-turn.ts';
import { eventually } from '../../../support/eventually.ts';
import { type FakeQemu, Refusal } from '../../../support/fakes/machine/fake-qemu.ts';
import { useFakeQemus } from '../../../support/fakes/machine/use-fake-qemus.ts';
import { useWatchedTimers } from '../../../support/fakes/machine/watched-timers.ts';
import { FakeClock } from '../../../support/host/fake-clock.ts';

const device = (label: string, filename: string): ChardevInfo => ({
  label,
  filename,
  isOpen: true,
  ...parseChardevFilename(filename),
});
const FREE = 'disconnected:unix:/run/vm.gdb,server=on';
const BUSY = 'unix:/run/vm.gdb,server=on';
const STUB = 'unix:/run/vm.gdb';

describe('whether a stub serves a client', () => {
  it('is told by the device that an endpoint leads to', () => {
    expect(isStubBusy([device('mine', BUSY)], STUB)).to.equal(true);
    expect(isStubBusy([device('mine', FREE)], STUB)).to.equal(false);
    expect(isStubBusy([device('mine', BUSY)], 'unix:/run/other.gdb')).to.equal(false);
    expect(isStubBusy([], STUB)).to.equal(false);
    expect(isStubBusy([device('mine', BUSY)], `host:[ssh lab]${STUB}`), 'by its name there').to.equal(true);
  });

  it('is told by the stub that QEMU has where the endpoint is none of its own', () => {
    const other = 'tcp:127.0.0.1:9999';
    expect(isStubBusy([device('gdb', BUSY)], other)).to.equal(true);
    expect(isStubBusy([device('gdb', FREE), device('serial0', 'unix:/run/s,server=on')], other)).to.equal(false);
    expect(isStubBusy([device('gdb', 'pty:/dev/pts/1')], other), 'only a socket shows it').to.equal(false);
    expect(
      isStubBusy([device('gdb', BUSY), device('mine', 'disconnected:unix:/run/m,server=on')], 'unix:/run/m'),
    ).to.equal(false);
  });
});

describe('whether QEMU serves a connection that was just answered', () => {
  it('is told by the device that it leads to', () => {
    expect(seesConnection([], [device('mine', BUSY)], STUB)).to.equal(true);
    expect(seesConnection([], [device('mine', FREE)], STUB)).to.equal(false);
  });

  it('is told by any that was free before', () => {
    const [before, now] = [[device('a', FREE)], [device('a', BUSY)]];
    const other = 'tcp:127.0.0.1:9999';
    expect(seesConnection(before, now, other)).to.equal(true);
    expect(seesConnection(now, now, other), 'it was busy before').to.equal(undefined);
    expect(seesConnection(before, before, other), 'it is free').to.equal(undefined);
    expect(seesConnection([], now, other), 'it was not there').to.equal(undefined);
    expect(seesConnection([device('b', FREE)], now, other), 'another was').to.equal(undefined);
  });
});

describe('the turn at a stub', () => {
  const machines = useFakeQemus();
  const timers = useWatchedTimers();
  let qemu: FakeQemu;
  let qmp: QmpClient;

  beforeEach(async () => {
    qemu = await machines.start({ status: 'paused' });
    qmp = await QmpClient.connect(qemu.qmpEndpoint);
  });

  afterEach(() => qmp.close());

  it('comes when the stub serves no one', async () => {
    expect(await stubBecomesFree(qmp, qemu.gdbEndpoint, 0)).to.equal(true);
    qemu.isStubBusy = true;
    qemu.onCommand = () => {
      qemu.isStubBusy = qemu.asked.length < 4;
      return undefined;
    };
    using _clock = new FakeClock();
    expect(await stubBecomesFree(qmp, qemu.gdbEndpoint, 1)).to.equal(true);
    expect(qemu.asked).to.deep.equal(Array(4).fill('query-chardev'));
  });

  it('is waited for no longer than that', async () => {
    qemu.isStubBusy = true;
    using clock = new FakeClock();
    let looks = 0;
    qemu.onCommand = () => {
      looks += 1;
      clock.now += 50;
      return undefined;
    };
    expect(await stubBecomesFree(qmp, qemu.gdbEndpoint, 100)).to.equal(false);
    expect(looks).to.equal(2);
    expect(await stubBecomesFree(qmp, qemu.gdbEndpoint, 101)).to.equal(false);
    expect(looks).to.equal(5);
    qemu.onCommand = () => undefined;
    expect(await stubBecomesFree(qmp, qemu.gdbEndpoint, 0), 'not at all').to.equal(false);
  });

  it('is looked for again only after a while', async () => {
    qemu.isStubBusy = true;
    timers.hold(50);
    const waiting = stubBecomesFree(qmp, qemu.gdbEndpoint, 10_000);
    await eventually('it has looked', () => qemu.asked.length > 0);
    for (let turns = 0; turns < 20; turns += 1) await new Promise(setImmediate);
    expect(qemu.asked).to.have.lengthOf(1);
    qemu.isStubBusy = false;
    await timers.fireNext(50);
    expect(await waiting).to.equal(true);
    expect(qemu.asked).to.have.lengthOf(2);
  });

  it('is a device’s that is there, while QEMU has no stub of its own', async () => {
    qemu.devices = [['pagewalk-1', 'socket']];
    expect(await isStubOn(qmp, 'pagewalk-1')).to.equal(false);
    qemu.endStub();
    expect(await isStubOn(qmp, 'pagewalk-1')).to.equal(true);
    expect(await isStubOn(qmp, 'pagewalk-2')).to.equal(false);
  });

  it('is looked at while a connection waits for it, until another is seen to be served', async () => {
    let isServed = false;
    qemu.onCommand = () => {
      qemu.isStubBusy = isServed;
      return undefined;
    };
    const serving = watchServing(qmp, qemu.gdbEndpoint, new Promise(() => {}));
    await eventually('it has looked twice', () => qemu.asked.length >= 2);
    expect(serving.isSeen).to.equal(false);
    isServed = true;
    await eventually('it has seen another', () => serving.isSeen);
    const looks = qemu.asked.length;
    expect(timers.waiting(50), 'and looks no more').to.deep.equal([]);
    expect(await stubBecomesFree(qmp, qemu.gdbEndpoint, 0)).to.equal(false);
    expect(qemu.asked.length, 'and looks no more').to.equal(looks + 1);
  });

  it('is not looked at when the connection is answered soon, or fails', async () => {
    const answered = watchServing(qmp, qemu.gdbEndpoint, Promise.resolve());
    const failed = watchServing(qmp, qemu.gdbEndpoint, Promise.reject(new Error('refused')));
    await new Promise((resolve) => setTimeout(resolve, 120));
    expect(qemu.asked).to.deep.equal([]);
    expect([answered.isSeen, failed.isSeen]).to.deep.equal([false, false]);
  });

  it('is not looked at again when the connection is answered during a look, and a look that fails is none', async () => {
    let answer: () => void = () => {};
    const attempt = new Promise<void>((resolve) => {
      answer = resolve;
    });
    qemu.onCommand = () => {
      answer();
      return undefined;
    };
    const serving = watchServing(qmp, qemu.gdbEndpoint, attempt);
    await eventually('it has looked', () => qemu.asked.length === 1);
    await new Promise((resolve) => setTimeout(resolve, 120));
    expect(qemu.asked).to.have.lengthOf(1);
    qemu.onCommand = () => new Refusal('no');
    let end: () => void = () => {};
    watchServing(
      qmp,
      qemu.gdbEndpoint,
      new Promise<void>((resolve) => {
        end = resolve;
      }),
    );
    await eventually('it has looked', () => qemu.asked.length === 2);
    await new Promise((resolve) => setTimeout(resolve, 60));
    end();
    expect(serving.isSeen).to.equal(false);
  });
});
