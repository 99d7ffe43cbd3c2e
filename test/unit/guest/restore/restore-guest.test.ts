import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { identifySocket } from '../../../../protocols/transport/internal.ts';
import { printRegisters } from '../../../../src/guest/restore/register-prints.ts';
import { restoreGuest } from '../../../../src/guest/restore/restore-guest.ts';
import type { RestorePlan } from '../../../../src/guest/restore/restore-plan.ts';
import { FakeQemu, HANG_UP } from '../../../support/fakes/machine/fake-qemu.ts';
import { useWatchedTimers } from '../../../support/fakes/machine/watched-timers.ts';
import { FakeClock } from '../../../support/host/fake-clock.ts';

const MODE_OFF = ['Qqemu.PhyMemMode:0', 'qqemu.PhyMemMode'];
const RESUME = ['query-status', 'cont'];
const STATUS = 'monitor info status';
const VERSION = 'monitor info version';
const REGISTERS = 'monitor info registers -a';
const BY_STUB = [STATUS, 'monitor cont'];
/** So long a monitor that says nothing is waited for first. */
const PATIENCE_MS = 1000;

describe('restoring the guest of a client that is gone', () => {
  let folder: string;
  let qemu: FakeQemu;
  let directory: { path: string; room: string };
  let journal: string;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'pagewalk-'));
    qemu = await FakeQemu.start({ path: join(folder, 'vm'), status: 'paused' });
    qemu.registers = 'CPU#0\nRAX=1\n\nCPU#1\nRAX=2\n';
    directory = { path: join(folder, 'pagewalk-x'), room: 'room' };
    mkdirSync(join(directory.path, 'room'), { recursive: true });
    mkdirSync(join(folder, 'journals'));
    journal = join(folder, 'journals', 'a.journal');
    writeFileSync(journal, '');
  });

  afterEach(async () => {
    await qemu.close();
    rmSync(folder, { recursive: true });
  });

  describe('by its monitor', () => {
    for (const [what, plan, commands] of [
      ['resumes it', { resume: true }, ['query-status', ...RESUME]],
      ['takes its stub away', { ownStub: true }, ['query-status', 'query-chardev']],
      [
        'takes its device away',
        { handed: 'pagewalk-01234567' },
        ['query-status', 'chardev-remove pagewalk-01234567', 'closefd pagewalk-01234567', 'query-fdsets'],
      ],
    ] as const) {
      it(`${what}, and then the journal`, async () => {
        await restoreGuest({ qmp: qemu.qmpEndpoint, journal, ...plan });
        expect(qemu.asked).to.deep.equal(commands);
        expect(qemu.connections.monitor).to.equal(1);
        expect([qemu.monitors, qemu.hasDebugger], 'they are there for the next client').to.deep.equal([0, false]);
        expect(existsSync(journal)).to.equal(false);
      });
    }

    it('turns the mode of its stub off', async () => {
      await restoreGuest({ qmp: qemu.qmpEndpoint, stub: qemu.gdbEndpoint });
      expect(qemu.requests).to.deep.equal(MODE_OFF);
      expect(qemu.status).to.equal('paused');
    });

    it('removes its directory', async () => {
      await restoreGuest({ qmp: qemu.qmpEndpoint, directory });
      expect(qemu.asked).to.deep.equal(['query-status']);
      expect(existsSync(directory.path)).to.equal(false);
    });

    it('does not ask where there is nothing to put back', async () => {
      await restoreGuest({});
      await restoreGuest({ qmp: qemu.qmpEndpoint, resume: false, ownStub: false, registers: {}, journal });
      await restoreGuest({ directory, journal: join(folder, 'none') });
      expect(existsSync(directory.path), 'another client has seen to it').to.equal(true);
      await restoreGuest({ directory });
      expect(existsSync(directory.path)).to.equal(false);
      expect(qemu.connections.monitor).to.equal(0);
      expect(existsSync(journal)).to.equal(false);
    });

    it('does nothing more once another client has put it back', async () => {
      qemu.onClient = () => rmSync(journal);
      await restoreGuest({ qmp: qemu.qmpEndpoint, resume: true, journal, directory });
      expect(qemu.asked).to.deep.equal([]);
      expect(qemu.connections.monitor).to.equal(1);
    });

    it('connects to no other socket than that of QEMU, and tries less and less often for ten minutes', async () => {
      using clock = new FakeClock();
      clock.skipDelays();
      await restoreGuest({ qmp: qemu.qmpEndpoint, qmpFile: '0:0', resume: true, journal });
      expect(qemu.connections.monitor).to.equal(0);
      expect(existsSync(journal), 'what is not done is left to the next client').to.equal(true);
      expect(clock.skipped.slice(0, 7)).to.deep.equal([50, 100, 200, 400, 800, 1600, 3200]);
      expect(new Set(clock.skipped.slice(7))).to.deep.equal(new Set([5000]));
      expect(clock.now - 1_000_000).to.equal(6350 + 119 * 5000);
    });
  });

  describe('whose stub does not let its mode be turned off', () => {
    it('tries three times, and then leaves it', async () => {
      using clock = new FakeClock();
      clock.skipDelays();
      qemu.isStubBroken = true;
      await restoreGuest({ qmp: qemu.qmpEndpoint, stub: qemu.gdbEndpoint, resume: true });
      expect(qemu.connections.stub).to.equal(3);
      expect(qemu.connections.monitor, 'it is resumed once more').to.equal(4);
      expect(clock.skipped).to.deep.equal([50, 100, 200]);
      expect(qemu.status).to.equal('running');
    });

    it('tries three times where that stub was handed over', async () => {
      using clock = new FakeClock();
      clock.skipDelays();
      qemu.onCommand = (command) => (command === 'query-chardev' && qemu.connections.monitor < 4 ? HANG_UP : undefined);
      await restoreGuest({ qmp: qemu.qmpEndpoint, handed: 'pagewalk-01234567', handedStub: true });
      expect(qemu.connections.monitor).to.equal(4);
      expect(qemu.asked.slice(6)).to.deep.equal([
        'query-status',
        'chardev-remove pagewalk-01234567',
        'closefd pagewalk-01234567',
        'query-fdsets',
      ]);
    });

    it('does not count as tries while it serves another client', async () => {
      using clock = new FakeClock();
      clock.skipDelays();
      qemu.onCommand = (command) => {
        if (command === 'query-status') qemu.isStubBusy = qemu.connections.monitor < 4;
        return undefined;
      };
      await restoreGuest({ qmp: qemu.qmpEndpoint, stub: qemu.gdbEndpoint });
      expect(qemu.connections.monitor).to.equal(4);
      expect(qemu.requests).to.deep.equal(MODE_OFF);
    });

    it('leaves it to another client that has it for more than three seconds', async () => {
      for (const [ms, attempts] of [
        [3001, 1],
        [3000, 2],
      ] as const) {
        using clock = new FakeClock();
        clock.skipDelays();
        qemu.isStubBusy = true;
        qemu.connections.monitor = 0;
        qemu.onCommand = (command) => {
          if (command === 'query-chardev') clock.now += ms;
          return undefined;
        };
        await restoreGuest({ qmp: qemu.qmpEndpoint, stub: qemu.gdbEndpoint });
        expect(qemu.connections.monitor).to.equal(attempts);
        expect(qemu.connections.stub).to.equal(0);
      }
    });
  });

  describe('whose QEMU is gone', () => {
    it('removes what lies on this host, when that has been so for two seconds', async () => {
      await qemu.close();
      for (const reach of [
        { qmp: qemu.qmpEndpoint },
        { stub: qemu.gdbEndpoint },
        { qmp: qemu.qmpEndpoint, stub: qemu.gdbEndpoint },
      ]) {
        mkdirSync(join(directory.path, 'room'), { recursive: true });
        mkdirSync(join(folder, 'journals'), { recursive: true });
        writeFileSync(journal, '');
        using clock = new FakeClock();
        clock.skipDelays();
        const late = { stub: qemu.gdbEndpoint, count: 1, wasServed: false };
        await restoreGuest({ ...reach, resume: true, directory, journal, late });
        expect(existsSync(directory.path)).to.equal(false);
        expect(existsSync(journal)).to.equal(false);
        expect(clock.skipped, 'until it is more than two seconds').to.deep.equal(Array(41).fill(50));
      }
    });
  });

  describe('whose monitor serves another client', () => {
    const timers = useWatchedTimers();

    /** Attempts at the monitor end, the clock goes on by so much while each is waited for. */
    async function restore(plan: RestorePlan, ...waits: readonly number[]): Promise<void> {
      using clock = new FakeClock();
      timers.hold(1000);
      qemu.isMonitorHeld = true;
      qemu.connections.monitor = 0;
      let isOver = false;
      const restoring = restoreGuest(plan).finally(() => {
        isOver = true;
      });
      for (const [at, ms] of waits.entries()) {
        while (!isOver && qemu.connections.monitor <= at) await new Promise(setImmediate);
        const attempt = clock.now - 1_000_000 < PATIENCE_MS ? PATIENCE_MS : 5000;
        clock.now += ms;
        await timers.fireNext(attempt);
      }
      await restoring;
    }

    it('waits for it, for ten minutes and no longer', async () => {
      await restore({ qmp: qemu.qmpEndpoint, resume: true, journal }, 600_001);
      expect(qemu.connections.monitor).to.equal(1);
      await restore({ qmp: qemu.qmpEndpoint, resume: true, journal }, 1, 600_000 - 1, 1);
      expect(qemu.connections.monitor).to.equal(3);
      expect(existsSync(journal)).to.equal(true);
    });

    it('resumes it by a stub that is idle, once the monitor is another client’s', async () => {
      await restore({ qmp: qemu.qmpEndpoint, stub: qemu.gdbEndpoint, resume: true, journal }, PATIENCE_MS);
      expect(qemu.requests).to.deep.equal([...MODE_OFF, STATUS, VERSION, ...BY_STUB]);
      expect(qemu.status).to.equal('running');
      expect(qemu.connections.monitor).to.equal(1);
      expect(existsSync(journal)).to.equal(false);
    });

    it('leaves what else there is to the monitor', async () => {
      qemu.onClient = () => {
        qemu.isMonitorHeld = qemu.connections.monitor <= 1;
      };
      const plan: RestorePlan = {
        qmp: qemu.qmpEndpoint,
        stub: qemu.gdbEndpoint,
        stubFile: identifySocket(qemu.gdbEndpoint.slice('unix:'.length)).identity,
        resume: true,
        ownStub: true,
        directory,
      };
      await restore(plan, PATIENCE_MS);
      expect(qemu.requests).to.deep.equal([...MODE_OFF, STATUS, VERSION, ...BY_STUB]);
      expect(qemu.asked).to.deep.equal(['query-status', 'query-chardev']);
      expect(existsSync(directory.path)).to.equal(false);
    });

    it('is asked again where the stub does not help', async () => {
      qemu.isStubBroken = true;
      qemu.onClient = () => {
        qemu.isMonitorHeld = qemu.connections.monitor <= 1;
        if (!qemu.isMonitorHeld) qemu.isStubBroken = false;
      };
      await restore({ qmp: qemu.qmpEndpoint, stub: qemu.gdbEndpoint, resume: true, journal }, PATIENCE_MS);
      expect(qemu.connections.stub).to.equal(2);
      expect(qemu.requests).to.deep.equal(MODE_OFF);
      expect(qemu.asked).to.deep.equal(['query-status', 'query-chardev', 'stop', ...RESUME]);
      expect(existsSync(journal)).to.equal(false);
    });

    it('looks for what comes late when that is done', async () => {
      qemu.onClient = () => {
        qemu.isMonitorHeld = qemu.connections.monitor <= 1;
      };
      const late = { stub: qemu.gdbEndpoint, count: 1, wasServed: true };
      await restore({ qmp: qemu.qmpEndpoint, stub: qemu.gdbEndpoint, resume: true, late }, PATIENCE_MS);
      expect(qemu.asked).to.deep.equal(['query-status', 'query-chardev']);
    });

    it('does not touch the stub before', async () => {
      await restore({ qmp: qemu.qmpEndpoint, stub: qemu.gdbEndpoint, resume: true }, PATIENCE_MS - 1, 600_000);
      expect(qemu.connections.monitor).to.equal(2);
      // The second attempt came later.
      expect(qemu.connections.stub).to.equal(1);
    });

    it('does not touch the stub of a guest that is not to be resumed', async () => {
      await restore({ qmp: qemu.qmpEndpoint, stub: qemu.gdbEndpoint }, 600_001);
      expect(qemu.connections.stub).to.equal(0);
    });

    it('resumes one by its registers, as others had time to pause it', async () => {
      const plan: RestorePlan = { qmp: qemu.qmpEndpoint, stub: qemu.gdbEndpoint, resume: true };
      await restore({ ...plan, registers: { 0: 'other' } }, PATIENCE_MS);
      const asked = [...MODE_OFF, STATUS, VERSION, REGISTERS];
      expect(qemu.requests).to.deep.equal(asked);
      qemu.takeDebugged();
      expect(qemu.status).to.equal('paused');
      await restore({ ...plan, registers: printRegisters(qemu.registers) }, PATIENCE_MS);
      expect(qemu.requests).to.deep.equal([...asked, ...BY_STUB]);
      expect(qemu.status).to.equal('running');
    });

    it('resumes one that was reset meanwhile', async () => {
      qemu.status = 'prelaunch';
      await restore({ qmp: qemu.qmpEndpoint, stub: qemu.gdbEndpoint, resume: true }, PATIENCE_MS);
      expect(qemu.requests).to.deep.equal([...MODE_OFF, STATUS, ...BY_STUB]);
    });
  });

  describe('by its stub alone', () => {
    const alone = (more: RestorePlan = {}): RestorePlan => ({ stub: qemu.gdbEndpoint, resume: true, ...more });

    it('resumes it, and removes its directory', async () => {
      using clock = new FakeClock();
      clock.skipDelays();
      await restoreGuest(alone({ directory, journal, registers: { 0: 'other' } }));
      expect(clock.skipped, 'at once').to.deep.equal([]);
      expect([qemu.monitors, qemu.hasDebugger]).to.deep.equal([0, false]);
      expect(qemu.requests).to.deep.equal([...MODE_OFF, STATUS, VERSION, ...BY_STUB]);
      expect(qemu.status).to.equal('running');
      expect(existsSync(directory.path)).to.equal(false);
      expect(existsSync(journal)).to.equal(false);
    });

    it('resumes one that the connection itself has paused', async () => {
      qemu.status = 'running';
      await restoreGuest({ stub: qemu.gdbEndpoint });
      expect(qemu.requests).to.deep.equal([...MODE_OFF, ...BY_STUB]);
      expect(qemu.status).to.equal('running');
    });

    it('leaves one paused that was paused before', async () => {
      await restoreGuest({ stub: qemu.gdbEndpoint });
      expect(qemu.requests).to.deep.equal(MODE_OFF);
      qemu.takeDebugged();
      await restoreGuest(alone({ ungreeted: true }));
      expect(qemu.requests, 'as its first connection was not greeted').to.deep.equal([...MODE_OFF, STATUS, VERSION]);
      qemu.takeDebugged();
      qemu.status = 'prelaunch';
      await restoreGuest(alone());
      expect(qemu.requests, 'or never started').to.deep.equal([...MODE_OFF, STATUS]);
      expect(qemu.connections.stub).to.equal(3);
    });

    it('takes one of a QEMU that greets no one for its own pause', async () => {
      qemu.version = [10, 0, 2];
      await restoreGuest(alone({ ungreeted: true }));
      expect(qemu.status).to.equal('running');
      qemu.status = 'paused';
      using clock = new FakeClock();
      // Others had the time to pause it: but it may have been this connection as well.
      qemu.onRequest = (request) => {
        if (request.startsWith('monitor ')) clock.now += PATIENCE_MS;
        return 'default';
      };
      await restoreGuest(alone({ registers: { 0: 'other' } }));
      expect(qemu.status).to.equal('running');
    });

    it('leaves one that has run since to who has paused it', async () => {
      using clock = new FakeClock();
      qemu.onRequest = (request) => {
        if (request === VERSION) clock.now += PATIENCE_MS;
        return 'default';
      };
      await restoreGuest(alone({ registers: { 0: 'other' } }));
      expect(qemu.status).to.equal('paused');
      expect(qemu.requests.at(-1)).to.equal(REGISTERS);
    });

    it('stops one again that has strayed, by another connection', async () => {
      let looks = 0;
      qemu.onRequest = (request) => {
        if (request === STATUS) looks += 1;
        if (request === STATUS && looks === 2) qemu.status = 'postmigrate';
        return 'default';
      };
      await restoreGuest(alone());
      expect(qemu.connections.stub).to.equal(2);
      expect([qemu.monitors, qemu.hasDebugger]).to.deep.equal([0, false]);
      expect(qemu.status).to.equal('paused');
    });

    it('connects to no other socket than that of the stub', async () => {
      using clock = new FakeClock();
      clock.skipDelays();
      await restoreGuest(alone({ stubFile: '0:0', journal }));
      expect(qemu.connections.stub).to.equal(0);
      expect(existsSync(journal)).to.equal(true);
    });
  });

  describe('into whose pause a connection may yet come', () => {
    const late = (count: number, wasServed: boolean) => ({ stub: qemu.gdbEndpoint, count, wasServed });

    it('looks in until none may come', async () => {
      qemu.status = 'running';
      await restoreGuest({ qmp: qemu.qmpEndpoint, late: late(1, true) });
      expect(qemu.asked).to.deep.equal(['query-status', 'query-chardev']);
      expect(qemu.connections.monitor).to.equal(1);
    });

    it('ends the pause that it makes, after a second look soon after', async () => {
      using clock = new FakeClock();
      clock.skipDelays();
      await restoreGuest({ qmp: qemu.qmpEndpoint, late: late(1, false) });
      const look = ['query-status', 'query-chardev', 'hmp info registers -a'];
      expect(qemu.asked).to.deep.equal([...look, ...look, ...RESUME]);
      expect(qemu.connections.monitor).to.equal(2);
      expect(qemu.status).to.equal('running');
      expect(clock.skipped).to.deep.equal([250]);
    });

    it('looks once in a second, and lets others have the monitor meanwhile', async () => {
      qemu.status = 'running';
      using clock = new FakeClock();
      clock.skipDelays();
      await restoreGuest({ qmp: qemu.qmpEndpoint, late: late(1, false) });
      expect(clock.skipped, 'for as long as a connection may be on its way').to.deep.equal(Array(131).fill(1000));
      expect(qemu.connections.monitor).to.equal(132);
    });

    it('looks on where the monitor does not answer, and connects to no other socket', async () => {
      using clock = new FakeClock();
      clock.skipDelays();
      await restoreGuest({ qmp: qemu.qmpEndpoint, qmpFile: '0:0', late: late(1, false) });
      expect(qemu.connections.monitor).to.equal(0);
      expect(clock.skipped, 'ten minutes').to.deep.equal(Array(601).fill(1000));
    });

    it('ends with its QEMU', async () => {
      await qemu.close();
      using clock = new FakeClock();
      clock.skipDelays();
      await restoreGuest({ qmp: qemu.qmpEndpoint, late: late(1, false) });
      expect(clock.skipped).to.deep.equal([1000, 1000, 1000]);
    });

    it('comes after what else is put back, with those that come on the way', async () => {
      using clock = new FakeClock();
      clock.skipDelays();
      qemu.onCommand = (command) => {
        // It is paused again each time that it was resumed.
        if (command === 'query-chardev') qemu.status = 'paused';
        return undefined;
      };
      await restoreGuest({ qmp: qemu.qmpEndpoint, resume: true, late: late(2, false), journal });
      expect(existsSync(journal)).to.equal(false);
      expect(qemu.connections.monitor).to.equal(7);
    });

    it('does not look where there is no monitor', async () => {
      await restoreGuest({ late: late(1, false) });
      expect(qemu.connections.monitor).to.equal(0);
    });
  });
});
