import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { expect } from 'chai';
import { identifySocket, type TraceRecord } from '../../../../protocols/transport/internal.ts';
import type { AttachOptions } from '../../../../src/guest/link/attach-options.ts';
import { StubLink } from '../../../../src/guest/link/stub-link.ts';
import type { Listener } from '../../../../src/guest/peer/listens-at.ts';
import { printRegisters } from '../../../../src/guest/restore/register-prints.ts';
import { eventually } from '../../../support/eventually.ts';
import { expectRejection } from '../../../support/expect-rejection.ts';
import { console, type FakeQemu, type FakeQemuOptions } from '../../../support/fakes/machine/fake-qemu.ts';
import { useFakeQemus } from '../../../support/fakes/machine/use-fake-qemus.ts';
import { useWatchedTimers } from '../../../support/fakes/machine/watched-timers.ts';

const HANDSHAKE = ['open', 'qSupported', 'qqemu.Supported'];
const LEARN = ['monitor info status', 'monitor info version', 'monitor info registers'];
const LAYOUT = 'qXfer:features:read:target.xml:0,ffb';
const RUN = ['monitor info status', 'monitor info status', 'monitor cont'];
const QEMU_10 = [10, 0, 2] as const;
/** A process that has been and is gone. */
const DEAD = { pid: spawnSync('true').pid, startTime: '1' };

describe('a guest of which only the stub is known', () => {
  const machines = useFakeQemus();
  const timers = useWatchedTimers();
  const links: StubLink[] = [];
  let machine: FakeQemu;

  afterEach(async () => {
    await Promise.all(links.splice(0).map((link) => link.release().catch(() => {})));
  });

  async function attach(how: Omit<FakeQemuOptions, 'path'> = {}, options: AttachOptions = {}): Promise<StubLink> {
    machine = await machines.start(how);
    return attachTo(options);
  }

  async function attachTo(options: AttachOptions = {}, known?: Listener): Promise<StubLink> {
    const all = { watchdog: false, ...options };
    const link = await (known === undefined
      ? StubLink.open(machine.gdbEndpoint, all)
      : StubLink.open(machine.gdbEndpoint, all, known));
    links.push(link);
    return link;
  }

  const runState = ({ ranBefore, runStateCause }: StubLink) => ({ ranBefore, runStateCause });
  /** No one is served, and the other end has had the time to see it. */
  const left = async (): Promise<void> => {
    await eventually('it was left', () => !machine.hasDebugger, { betweenMs: 1 });
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
  };

  it('is paused by the connection, and resumed in few words', async () => {
    const link = await attach();
    expect(machine.takeDebugged().filter((request) => !request.startsWith('qXfer'))).to.deep.equal([
      ...HANDSHAKE,
      ...LEARN,
    ]);
    expect(machine.takeStates()).to.deep.equal(['paused: a debugger']);
    const { endpoint, isStubProven, asksLive, recoveries } = link;
    expect({ endpoint, isStubProven, asksLive, recoveries, ...runState(link) }).to.deep.equal({
      endpoint: machine.gdbEndpoint,
      isStubProven: true,
      asksLive: false,
      recoveries: [],
      ranBefore: true,
      runStateCause: null,
    });
    expect(link.peer.kind).to.equal('unknown');
    expect(link.peer).to.not.have.nested.property('cause.code', 'not-connected');
    expect(link.firstViews()).to.equal(null);
    expect(await link.firstCpus()).to.deep.equal([
      { index: 0, qomPath: '/machine/unattached/device[0]', threadId: 4711 },
    ]);
    expect((await link.firstProcessor('/cpu')).maxPhyAddr).to.deep.equal({
      ...{ value: 40, from: 'qom', detail: '/cpu.phys-bits' },
    });
    const session = await link.pause();
    await session.inPhysicalMode((client) => client.readMemory(0x1000, 1));
    machine.takeDebugged();
    expect(await link.pause(), 'the same pause').to.equal(session);
    link.checkStillPaused();
    await link.hearNews();
    expect(await link.findResumption()).to.equal(undefined);
    expect(machine.takeDebugged()).to.deep.equal([]);
    await link.resume();
    await left();
    expect(machine.takeDebugged()).to.deep.equal(['Qqemu.PhyMemMode:0', 'qqemu.PhyMemMode', ...RUN, 'close']);
    expect(machine.takeStates()).to.deep.equal(['running: cont of the stub']);
    await link.resume();
    expect(machine.takeDebugged(), 'it runs').to.deep.equal([]);
    const next = await link.pause();
    expect(next).to.not.equal(session);
    expect(machine.takeStates()).to.deep.equal(['paused: a debugger']);
    machine.takeDebugged();
    await link.release();
    await left();
    expect(machine.takeDebugged()).to.deep.equal([...RUN, 'close']);
    expect(machine.takeStates()).to.deep.equal(['running: cont of the stub']);
    expect(await expectRejection(link.pause())).to.have.property('code', 'ERR_GUEST_USAGE');
  });

  describe('ran before, or did not', () => {
    for (const [what, how, ranBefore, isSure] of [
      ['QEMU 7.2 greets: it ran', {}, true, true],
      ['QEMU 7.2 does not: it had been paused', { status: 'paused' }, false, true],
      ['QEMU 10 tells nothing: it is taken to have run', { status: 'paused', version: QEMU_10 }, true, false],
      ['QEMU 10, which it had: the same', { version: QEMU_10 }, true, false],
      ['in another state than plainly paused: it had been so', { status: 'io-error', version: QEMU_10 }, false, true],
      ['QEMU 8.0 greets as well', { status: 'paused', version: [8, 0, 4] }, false, true],
      ['QEMU 8.1 does not', { status: 'paused', version: [8, 1, 0] }, true, false],
    ] as const) {
      it(what, async () => {
        const link = await attach(how, { maxPauseMs: 777 });
        expect(runState(link)).to.deep.equal({
          ranBefore,
          runStateCause: isSure ? null : { code: 'stub-tells-no-run-state' },
        });
        expect(timers.waiting(777), 'a pause by another client has no deadline').to.deep.equal(
          ranBefore ? [false] : [],
        );
        await link.release();
        expect(machine.status === 'running').to.equal(ranBefore);
        expect(timers.waiting(777)).to.deep.equal([]);
      });
    }
  });

  it('is asked nothing, and let run by no one, while it is not paused', async () => {
    const link = await attach();
    expect(await expectRejection(link.run())).to.include({
      code: 'ERR_GUEST_USAGE',
      message: 'a guest is let run only where it is reached through QMP',
    });
    expect(() => link.deviceStateFile())
      .to.throw('without QMP no file is shared with QEMU')
      .with.property('code', 'ERR_GUEST_NOT_PAUSED');
    await link.resume();
    expect(() => link.monitor)
      .to.throw('without QMP the monitor can be asked only while the guest is paused')
      .with.property('code', 'ERR_GUEST_NOT_PAUSED');
  });

  it('is traced, and connected to as the socket that it was', async () => {
    machine = await machines.start();
    const seen: TraceRecord[] = [];
    const { identity } = identifySocket(machine.gdbEndpoint.slice('unix:'.length));
    await attachTo({ trace: (record) => seen.push(record) }, { file: identity });
    expect([...new Set(seen.map(({ channel, direction }) => `${channel} ${direction}`))].sort()).to.deep.equal([
      ...['gdb ->', 'gdb <-'],
    ]);
    const other = await expectRejection(attachTo({}, { file: '1:1' }));
    expect(other.message).to.include('is another socket than before');
  });

  it('is not disturbed where its caller has abandoned it', async () => {
    machine = await machines.start();
    const reason = new Error('abandoned');
    expect(await expectRejection(attachTo({ signal: AbortSignal.abort(reason) }))).to.equal(reason);
    expect(machine.takeDebugged()).to.deep.equal([]);
  });

  describe('whose pause is too long', () => {
    it('is resumed when its time is up, and asked nothing more', async () => {
      const link = await attach({}, { maxPauseMs: 777 });
      machine.takeDebugged();
      timers.fire(777);
      await eventually('it runs', () => machine.status === 'running', { betweenMs: 1 });
      await left();
      const message = `the guest behind ${machine.gdbEndpoint} was paused for 777 ms, the longest that a pause may last, and has been resumed. Ask for less at once, or allow a longer pause`;
      expect(() => link.checkStillPaused())
        .to.throw(message)
        .with.property('code', 'ERR_GUEST_PAUSE_TOO_LONG');
      expect(() => link.monitor).to.throw(message);
      expect(await link.findResumption()).to.have.property('message', message);
      expect(machine.takeDebugged()).to.deep.equal([...RUN, 'close']);
      await link.pause();
      link.checkStillPaused();
      expect(timers.waiting(777)).to.deep.equal([false]);
      await link.release();
    });

    it('has no time that goes on when it is over', async () => {
      const link = await attach({}, { maxPauseMs: 777 });
      expect(timers.waiting(777)).to.deep.equal([false]);
      await link.resume();
      expect(timers.waiting(777)).to.deep.equal([]);
      link.checkStillPaused();
      const usual = await attach({}, { timeoutMs: 4321 });
      expect(timers.waiting(5000)).to.deep.equal([false]);
      await usual.release();
      expect(timers.waiting(5000)).to.deep.equal([]);
    });

    it('is told of when it is left, where it could not be resumed then', async () => {
      const link = await attach(
        { stub: (request) => (request === 'monitor cont' ? console('Error: locked\r\n') : 'default') },
        { maxPauseMs: 777 },
      );
      timers.fire(777);
      await left();
      const error = await expectRejection(link.release());
      expect(error).to.have.property('code', 'ERR_GUEST_NOT_RESTORED');
      expect(error.message).to.equal(
        `the guest behind ${machine.gdbEndpoint} ran before it was paused, and has not been resumed: QEMU says: "Error: locked"`,
      );
    });
  });

  describe('that is left', () => {
    it('is told of where another client has changed its state', async () => {
      const link = await attach();
      machine.change('io-error', 'its disk');
      const error = await expectRejection(link.release());
      expect(error).to.have.property('code', 'ERR_GUEST_NOT_RESTORED');
      expect(error.message).to.equal(
        `the guest behind ${machine.gdbEndpoint} ran before it was paused, and has not been resumed: it is in the state "io-error" now, which another client has done`,
      );
      await left();
    });

    it('is stopped again by connecting anew where it had left', async () => {
      let looks = 0;
      const stub = (request: string): readonly string[] | 'default' => {
        if (request !== 'monitor info status') return 'default';
        looks += 1;
        return looks === 3 ? console('VM status: paused (postmigrate)\r\n') : 'default';
      };
      const link = await attach({ stub }, { watchdog: true });
      const journal = machines.holdJournal();
      machine.takeStates();
      const error = await expectRejection(link.release());
      expect(error).to.have.property('code', 'ERR_GUEST_NOT_RESTORED');
      expect(error.message).to.include('into the state "postmigrate" in the moment');
      await left();
      expect(machine.takeStates()).to.deep.equal(['running: cont of the stub', 'paused: a debugger']);
      expect(journal.takePlans().at(-1)).to.include({ resume: false });
      expect(existsSync(machines.journals), 'all is done that can be done').to.equal(false);
    });

    it('is connected to anew where its connection has failed', async () => {
      const link = await attach();
      machine.dropDebugger();
      await left();
      // The machine sees the end first, the link only in a later turn.
      for (let turns = 0; turns < 10; turns += 1) await turn();
      machine.takeDebugged();
      await link.release();
      await left();
      expect(machine.takeDebugged()).to.deep.equal([...HANDSHAKE, ...RUN, 'close']);
      expect(machine.status).to.equal('running');
    });

    it('is connected to anew where its connection breaks while it is left, once', async () => {
      for (const [breaks, isLeft] of [
        [1, true],
        [2, false],
      ] as const) {
        let left = 0;
        let isLeaving = false;
        const stub = (request: string): readonly string[] | 'default' | undefined => {
          if (!isLeaving || request !== 'monitor info status' || left === breaks) return 'default';
          left += 1;
          machine.dropDebugger();
          return undefined;
        };
        const link = await attach({ stub });
        machine.takeDebugged();
        isLeaving = true;
        const failure = await link.release().then(
          () => undefined,
          (error: unknown) => error,
        );
        await eventually('it was left', () => !machine.hasDebugger, { betweenMs: 1 });
        expect(failure === undefined, `${breaks}`).to.equal(isLeft);
        expect(machine.status, `${breaks}`).to.equal(isLeft ? 'running' : 'paused');
        expect(machine.takeDebugged().filter((one) => one === 'open')).to.deep.equal(['open']);
        if (!isLeft) expect(failure).to.have.property('code', 'ERR_GUEST_NOT_RESTORED');
      }
    });

    it('is told why its first connection has ended where there is no other any more', async () => {
      let isLeaving = false;
      const stub = (): 'default' | undefined => {
        if (!isLeaving) return 'default';
        machine.endStub();
        return undefined;
      };
      const link = await attach({ stub });
      isLeaving = true;
      const error = await expectRejection(link.release());
      expect(error).to.have.property('code', 'ERR_GUEST_NOT_RESTORED');
      expect(error.cause).to.have.property('code', 'ERR_GDB_CLOSED');
    });

    it('runs again where a client had resumed it and the new connection has paused it', async () => {
      const link = await attach({ status: 'paused' });
      expect(link.ranBefore).to.equal(false);
      machine.dropDebugger();
      await left();
      machine.change('running', 'another client');
      await link.release();
      await left();
      expect(machine.takeStates().slice(1)).to.deep.equal(['paused: a debugger', 'running: cont of the stub']);
    });

    it('is told of where its stub does not answer any more', async () => {
      let isSilent = false;
      const link = await attach({ stub: () => (isSilent ? undefined : 'default') });
      isSilent = true;
      const leaving = expectRejection(link.release());
      await eventually('it is asked', () => machine.debugged.filter((one) => one === RUN[0]).length > 1, {
        betweenMs: 1,
      });
      timers.fire(2000);
      await eventually('it is tried no more', () => !machine.hasDebugger, { betweenMs: 1 });
      const error = await leaving;
      expect(error).to.have.property('code', 'ERR_GUEST_NOT_RESTORED');
      expect(error.message).to.equal(
        `the guest behind ${machine.gdbEndpoint} may have been left paused, as its stub could not be left: the GDB stub at ${machine.gdbEndpoint} did not answer within 2000 ms when the guest was left; its physical mode may still be on. Nothing goes on trying; check it with "info status", and "cont" if it should run`,
      );
      expect(error.cause).to.have.property('code', 'ERR_GUEST_STUB_UNREACHABLE');
    });
  });

  describe('that is no x86 machine', () => {
    it('is resumed, and told of', async () => {
      const layout = 'l<target><architecture>aarch64</architecture><feature name="f"></feature></target>';
      machine = await machines.start({ stub: (request) => (request.startsWith('qXfer') ? [layout] : 'default') });
      const error = await expectRejection(attachTo());
      expect(error).to.have.property('code', 'ERR_GDB_ARCHITECTURE');
      await left();
      expect(machine.takeStates()).to.deep.equal(['paused: a debugger', 'running: cont of the stub']);
      expect(LAYOUT).to.include('target.xml');
    });
  });

  describe('that a client which was killed had paused', () => {
    const PLAN = { stub: 'unix:/x', resume: true };

    /** The journal that it has left of this guest. */
    function leave(plan: object, name = 'a-1-1.journal'): void {
      mkdirSync(machines.journals, { recursive: true, mode: 0o700 });
      const head = { version: 1, client: DEAD, since: '2026-01-01T00:00:00.000Z', endpoint: machine.gdbEndpoint };
      const lines = [{ ...head, qemu: null }, plan].map((line) => `${JSON.stringify(line)}\n`);
      writeFileSync(join(machines.journals, name), lines.join(''));
    }

    const journals = (): readonly string[] => (existsSync(machines.journals) ? readdirSync(machines.journals) : []);

    for (const [what, plan, resumption, ranBefore, stays] of [
      ['has not run since: it runs when it is left', 'same', 'resumed', true, false],
      ['has run since: it stays paused', { 0: 'other' }, 'paused-since', false, false],
      ['may have run since: it stays paused, and is told of again', undefined, 'unknown', false, true],
    ] as const) {
      it(what, async () => {
        machine = await machines.start({ status: 'paused' });
        const registers = plan === 'same' ? printRegisters(machine.registers) : plan;
        leave({ ...PLAN, ...(registers === undefined ? {} : { registers }) });
        const link = await attachTo();
        expect(link.recoveries).to.deep.equal([
          {
            client: DEAD.pid,
            since: '2026-01-01T00:00:00.000Z',
            resumption,
            foundState: 'paused',
            physicalModeOff: true,
            stubRemoved: null,
          },
        ]);
        expect(link.ranBefore).to.equal(ranBefore);
        expect(journals()).to.deep.equal(stays ? ['a-1-1.journal'] : []);
        await link.release();
        expect(machine.status === 'running').to.equal(ranBefore);
      });
    }

    it('and which had been paused before stays so, and is not told of again', async () => {
      machine = await machines.start({ status: 'paused' });
      leave({ stub: 'unix:/x', resume: false });
      const link = await attachTo();
      expect(link.recoveries.map(({ resumption }) => resumption)).to.deep.equal(['not-asked']);
      expect(journals()).to.deep.equal([]);
      await link.release();
      expect(machine.status).to.equal('paused');
    });

    it('and which runs has nothing to put back', async () => {
      machine = await machines.start();
      leave(PLAN);
      const link = await attachTo();
      expect(link.recoveries).to.deep.equal([]);
      expect(journals()).to.deep.equal([]);
    });
  });

  it('is known to the journal, at each step', async () => {
    machine = await machines.start();
    const link = await attachTo({ watchdog: true });
    const journal = machines.holdJournal();
    const { gdbEndpoint } = machine;
    const registers = printRegisters(machine.registers);
    const base = { stub: gdbEndpoint, resume: true, ungreeted: false };
    expect(journal.takePlans()).to.deep.equal([base, base, { ...base, registers }]);
    link.noteRegisters('CPU#7\nRIP=1\n');
    expect(journal.takePlans()).to.deep.equal([
      { ...base, registers: { ...registers, ...printRegisters('CPU#7\nRIP=1\n') } },
    ]);
    await link.resume();
    expect(journal.takePlans(), 'nothing of the pause is left').to.deep.equal([{}]);
    link.noteRegisters('CPU#7\nRIP=1\n');
    expect(journal.takePlans()).to.deep.equal([]);
    await link.release();
    expect(existsSync(machines.journals)).to.equal(false);
    machine = await machines.start({ status: 'paused' });
    await attachTo({ watchdog: true });
    const other = { stub: machine.gdbEndpoint, ungreeted: true };
    expect(machines.holdJournal().takePlans().slice(1)).to.deep.equal([
      { ...other, resume: true },
      { ...other, resume: false },
      { ...other, resume: false, registers },
    ]);
  });
});
