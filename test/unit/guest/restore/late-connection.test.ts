import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { QmpClient } from '../../../../protocols/qmp/index.ts';
import { addLate, LateWatch } from '../../../../src/guest/restore/late-connection.ts';
import { FakeQemu } from '../../../support/fakes/machine/fake-qemu.ts';
import { FakeClock } from '../../../support/host/fake-clock.ts';

describe('connections to a stub that got no answer', () => {
  it('are counted, and were served where all were', () => {
    const more = { stub: 'unix:/run/b', count: 2, wasServed: true };
    expect(addLate(undefined, more)).to.deep.equal(more);
    expect(addLate({ stub: 'unix:/run/a', count: 3, wasServed: true }, more)).to.deep.equal({ ...more, count: 5 });
    expect(addLate({ stub: 'unix:/run/a', count: 1, wasServed: false }, more)).to.deep.equal({
      ...more,
      count: 3,
      wasServed: false,
    });
    expect(addLate(undefined, { ...more, wasServed: false })).to.deep.equal({ ...more, wasServed: false });
    expect(addLate({ ...more, count: 1 }, { ...more, wasServed: false })).to.include({ count: 3, wasServed: false });
  });
});

describe('a pause by a connection that QEMU has taken up late', () => {
  const LOOK = ['query-status', 'query-chardev'];
  const REGISTERS = 'hmp info registers -a';
  const RESUME = ['query-status', 'cont'];
  let folder: string;
  let qemu: FakeQemu;
  let qmp: QmpClient;
  let clock: FakeClock;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'pagewalk-'));
    qemu = await FakeQemu.start({ path: join(folder, 'vm'), status: 'paused' });
    qmp = await QmpClient.connect(qemu.qmpEndpoint);
    clock = new FakeClock();
  });

  afterEach(async () => {
    clock[Symbol.dispose]();
    await qmp.close();
    await qemu.close();
    rmSync(folder, { recursive: true });
  });

  const watchFor = (count = 1, wasServed = false) => new LateWatch({ stub: qemu.gdbEndpoint, count, wasServed });

  /** Looks, and tells what was asked, and what is to come. */
  async function look(watch: LateWatch) {
    qemu.asked.length = 0;
    await watch.look(qmp);
    return { commands: [...qemu.asked], isSuspicious: watch.isSuspicious, isOver: watch.isOver };
  }

  const nothing = { commands: LOOK, isSuspicious: false, isOver: false };
  const suspicious = { commands: [...LOOK, REGISTERS], isSuspicious: true, isOver: false };

  it('is ended at the second look, as often as there were such connections', async () => {
    const watch = watchFor(2);
    expect([watch.isSuspicious, watch.isOver]).to.deep.equal([false, false]);
    for (const isOver of [false, true]) {
      qemu.status = 'paused';
      expect(await look(watch)).to.deep.equal(suspicious);
      expect(await look(watch)).to.deep.equal({
        commands: [...LOOK, REGISTERS, ...RESUME],
        isSuspicious: false,
        isOver,
      });
      expect(qemu.status).to.equal('running');
    }
  });

  it('is not ended where it was over by then', async () => {
    const watch = watchFor();
    expect(await look(watch)).to.deep.equal(suspicious);
    qemu.status = 'running';
    expect(await look(watch)).to.deep.equal(nothing);
    qemu.status = 'paused';
    expect(await look(watch), 'and this is another one').to.deep.equal(suspicious);
  });

  it('may be one of a machine that was reset meanwhile', async () => {
    qemu.status = 'prelaunch';
    expect(await look(watchFor())).to.deep.equal(suspicious);
  });

  it('comes no more where the guest is in another state', async () => {
    qemu.status = 'postmigrate';
    expect(await look(watchFor())).to.deep.equal({ ...nothing, isOver: true });
  });

  it('comes no more where the stub has served a client since, and the guest runs', async () => {
    qemu.status = 'running';
    expect(await look(watchFor(1, true))).to.deep.equal({ ...nothing, isOver: true });
    const watch = watchFor();
    expect(await look(watch)).to.deep.equal(nothing);
    qemu.isStubBusy = true;
    expect(await look(watch)).to.deep.equal(nothing);
    qemu.isStubBusy = false;
    expect(await look(watch)).to.deep.equal({ ...nothing, isOver: true });
  });

  it('is not taken for that of a debugger that the stub has served', async () => {
    const watch = watchFor(1, false);
    expect(await look(watch)).to.deep.equal(suspicious);
    qemu.isStubBusy = true;
    expect(await look(watch)).to.deep.equal({ ...nothing, commands: [...LOOK, REGISTERS] });
    qemu.isStubBusy = false;
    expect(await look(watch), 'the debugger has left it paused').to.deep.equal({
      commands: [...LOOK, REGISTERS],
      isSuspicious: false,
      isOver: true,
    });
  });

  it('is another one where the registers are others than when a debugger held it', async () => {
    const watch = watchFor();
    qemu.isStubBusy = true;
    await look(watch);
    qemu.isStubBusy = false;
    qemu.registers = 'CPU#0\nRAX=3\n';
    expect(await look(watch)).to.deep.equal(suspicious);
    expect(await look(watch)).to.deep.include({ isSuspicious: false, isOver: true });
    expect(qemu.status).to.equal('running');
  });

  it('is none where the debugger let the guest run', async () => {
    const watch = watchFor();
    qemu.isStubBusy = true;
    qemu.status = 'running';
    expect(await look(watch)).to.deep.equal(nothing);
    qemu.isStubBusy = false;
    qemu.status = 'paused';
    expect(await look(watch)).to.deep.equal(suspicious);
  });

  it('is on its way for 130 seconds at most', async () => {
    qemu.status = 'running';
    const watch = watchFor();
    clock.now += 130_000;
    expect(await look(watch)).to.deep.equal(nothing);
    clock.now += 1;
    expect(await look(watch)).to.deep.equal({ ...nothing, isOver: true });
  });

  it('waits its turn behind a debugger for ten minutes at most', () => {
    const watch = watchFor();
    clock.now += 600_000;
    expect(watch.isOver).to.equal(false);
    clock.now += 1;
    expect(watch.isOver).to.equal(true);
    expect(watchFor(0).isOver, 'there was none').to.equal(true);
  });
});
