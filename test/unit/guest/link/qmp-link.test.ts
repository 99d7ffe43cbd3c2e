import { existsSync, readdirSync } from 'node:fs';
import { expect } from 'chai';
import type { TraceRecord } from '../../../../protocols/transport/index.ts';
import type { AttachOptions } from '../../../../src/guest/link/attach-options.ts';
import { QmpLink } from '../../../../src/guest/link/qmp-link.ts';
import type { StubSession } from '../../../../src/guest/stub/stub-session.ts';
import { eventually } from '../../../support/eventually.ts';
import { expectRejection } from '../../../support/expect-rejection.ts';
import {
  console,
  type FakeQemu,
  type FakeQemuOptions,
  Refusal,
  SILENCE,
} from '../../../support/fakes/machine/fake-qemu.ts';
import { useFakeQemus } from '../../../support/fakes/machine/use-fake-qemus.ts';
import { useWatchedTimers } from '../../../support/fakes/machine/watched-timers.ts';

const CPU = '/machine/unattached/device[0]';
const PROPERTIES = ['phys-bits', 'vendor', 'pse36', 'pdpe1gb'];
const HANDSHAKE = ['open', 'qSupported', 'qqemu.Supported'];
const PHYSICAL = ['Qqemu.PhyMemMode:1', 'qqemu.PhyMemMode'];
const VIRTUAL = ['Qqemu.PhyMemMode:0', 'qqemu.PhyMemMode'];
const RUN = ['monitor info status', 'monitor info status', 'monitor cont'];
/** What the monitor is asked for a pause, with the look whether QEMU serves the connection to its stub. */
const PAUSE = ['query-chardev', 'query-status', 'query-migrate', 'query-status', 'stop', 'hmp info registers'];
const LOOK = 'query-chardev';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
const read = (session: StubSession): Promise<Uint8Array> =>
  session.inPhysicalMode((client) => client.readMemory(0x1000, 1));

describe('a guest whose monitor is held', () => {
  const machines = useFakeQemus();
  const timers = useWatchedTimers();
  const links: QmpLink[] = [];
  let machine: FakeQemu;

  afterEach(async () => {
    await Promise.all(links.splice(0).map((link) => link.release().catch(() => {})));
  });

  /** Attaches by the monitor and the stub, with no watchdog. */
  async function attach(how: Omit<FakeQemuOptions, 'path'> = {}, options: AttachOptions = {}): Promise<QmpLink> {
    machine = await machines.start(how);
    return attachTo(options);
  }

  async function attachTo(options: AttachOptions = {}): Promise<QmpLink> {
    const link = await QmpLink.open(machine.qmpEndpoint, { gdb: machine.gdbEndpoint, watchdog: false, ...options });
    links.push(link);
    return link;
  }

  /** Attaches and pauses; what was said until then is not kept. */
  async function attachPaused(how: Omit<FakeQemuOptions, 'path'> = {}, options: AttachOptions = {}) {
    const link = await attach(how, options);
    const session = await link.pause();
    forget();
    return { link, session };
  }

  function forget(): void {
    machine.takeAsked();
    machine.takeDebugged();
    machine.takeStates();
  }

  describe('when it is attached to', () => {
    it('is asked what never changes at once, and is not disturbed', async () => {
      const link = await attach();
      const properties = PROPERTIES.map((property) => `qom-get ${CPU} ${property}`);
      expect(machine.takeAsked()).to.deep.equal([
        ...['query-target', 'query-cpus-fast', 'query-kvm', ...properties],
        'hmp info mtree -f',
      ]);
      const { endpoint, asksLive, ranBefore, runStateCause, recoveries, isStubProven } = link;
      expect({ endpoint, asksLive, ranBefore, runStateCause, recoveries, isStubProven }).to.deep.equal({
        endpoint: machine.qmpEndpoint,
        asksLive: true,
        ranBefore: undefined,
        runStateCause: null,
        recoveries: [],
        isStubProven: false,
      });
      expect(link.monitor.endpoint).to.equal(machine.qmpEndpoint);
      expect(link.peer.kind).to.equal('unknown');
      expect(await link.firstCpus()).to.deep.equal([{ index: 0, qomPath: CPU, threadId: 4711 }]);
      expect(await link.firstViews()).to.equal('FlatView #0\n');
      const processor = await link.firstProcessor(CPU);
      expect(processor).to.deep.include({
        qemuVersion: [7, 2, 22],
        maxPhyAddr: { value: 40, from: 'qom', detail: `${CPU}.phys-bits` },
      });
      expect(machine.takeAsked(), 'they are known').to.deep.equal([]);
      await link.firstProcessor('/machine/cpu');
      expect(machine.takeAsked()).to.deep.equal([
        ...['query-kvm', ...PROPERTIES.map((property) => `qom-get /machine/cpu ${property}`)],
      ]);
      await link.release();
      await eventually('it has left', () => machine.monitors === 0, { betweenMs: 1 });
      expect([machine.takeAsked(), machine.takeDebugged(), machine.takeStates()]).to.deep.equal([[], [], []]);
    });

    it('is left at once where it is no x86 machine', async () => {
      machine = await machines.start({
        monitor: (command) => (command === 'query-target' ? { arch: 'aarch64' } : undefined),
      });
      const error = await expectRejection(attachTo());
      expect(error).to.include({ code: 'ERR_GUEST_ARCHITECTURE', architecture: 'aarch64' });
      await eventually('it was left', () => machine.monitors === 0, { betweenMs: 1 });
      const link = await attach({ monitor: (command) => (command === 'query-target' ? { arch: 'i386' } : undefined) });
      expect(link.endpoint).to.equal(machine.qmpEndpoint);
    });

    it('is traced, both ways and by both protocols', async () => {
      const seen: TraceRecord[] = [];
      await attachPaused({}, { trace: (record) => seen.push(record) });
      const kinds = new Set(seen.map(({ channel, direction }) => `${channel} ${direction}`));
      expect([...kinds].sort()).to.deep.equal(['gdb ->', 'gdb <-', 'qmp ->', 'qmp <-']);
    });

    it('is not where its caller has abandoned it', async () => {
      machine = await machines.start();
      const error = await expectRejection(attachTo({ signal: AbortSignal.abort() }));
      expect(error).to.have.property('code', 'ERR_TRANSPORT_ABORTED');
    });

    it('keeps this process alive unless that is in the background', async () => {
      const count = (): number => process.getActiveResourcesInfo().filter((name) => name === 'PipeWrap').length;
      const before = count();
      const open = await attachPaused();
      // Both ends of both connections are of this process.
      expect(count() - before).to.equal(6);
      await open.link.release();
      await eventually('it is left', () => machine.monitors === 0 && !machine.hasDebugger, { betweenMs: 1 });
      const between = count();
      await attachPaused({}, { background: true });
      expect(count() - between).to.equal(4);
    });

    for (const [what, timeoutMs] of [
      ['the time that is given', 4321],
      ['five seconds', undefined],
    ] as const) {
      it(`has its requests bounded by ${what}`, async () => {
        const silent = (command: string): unknown => (command === 'query-migrate' ? SILENCE : undefined);
        const link = await attach({ monitor: silent }, timeoutMs === undefined ? {} : { timeoutMs });
        const waiting = expectRejection(link.pause());
        await eventually('it is asked', () => machine.asked.includes('query-migrate'), { betweenMs: 1 });
        timers.fire(timeoutMs ?? 5000);
        expect(await waiting).to.include({ code: 'ERR_QMP_TIMEOUT', timeoutMs: timeoutMs ?? 5000 });
      });
    }
  });

  describe('in a pause', () => {
    it('is stopped, looked at and resumed in few words', async () => {
      const link = await attach();
      machine.takeAsked();
      const session = await link.pause();
      expect(link.ranBefore).to.equal(true);
      expect(link.isStubProven, 'QEMU is seen to serve the connection').to.equal(true);
      expect(machine.takeAsked()).to.deep.equal([...PAUSE, LOOK]);
      expect(machine.takeDebugged()).to.deep.equal(HANDSHAKE);
      expect(machine.takeStates()).to.deep.equal(['paused: stop']);
      link.checkStillPaused();
      expect(await link.findResumption()).to.equal(undefined);
      expect(machine.takeAsked()).to.deep.equal(['query-status']);
      await link.hearNews();
      expect(machine.takeAsked(), 'events come before replies').to.deep.equal([]);
      await read(session);
      expect(await link.pause(), 'the same pause').to.equal(session);
      expect([machine.takeAsked(), machine.takeDebugged()]).to.deep.equal([[], [...PHYSICAL, 'm1000,1']]);
      await link.resume();
      expect([machine.takeAsked(), machine.takeDebugged()]).to.deep.equal([[], [...VIRTUAL, ...RUN]]);
      expect(machine.takeStates()).to.deep.equal(['running: cont of the stub']);
      expect(await link.findResumption(), 'it is not paused').to.equal(undefined);
      expect(machine.takeAsked()).to.deep.equal([]);
      expect(await link.pause(), 'on the same connection').to.equal(session);
      expect(machine.takeAsked()).to.deep.equal(PAUSE.slice(1));
      await link.release();
      expect(machine.takeDebugged()).to.deep.equal([...RUN, 'close']);
      expect(machine.takeAsked()).to.deep.equal([]);
      expect(machine.takeStates()).to.deep.equal(['paused: stop', 'running: cont of the stub']);
      await link.release();
      expect(await expectRejection(link.pause())).to.have.property('code', 'ERR_GUEST_USAGE');
    });

    it('stays paused where it had been so, and has no deadline', async () => {
      const { link, session } = await attachPaused({ status: 'paused' }, { maxPauseMs: 777 });
      expect(link.ranBefore).to.equal(false);
      expect(timers.waiting(777)).to.deep.equal([]);
      await read(session);
      await link.resume();
      expect([machine.takeAsked(), machine.takeDebugged()]).to.deep.equal([[], [...PHYSICAL, 'm1000,1', ...VIRTUAL]]);
      await link.release();
      expect([machine.takeAsked(), machine.takeDebugged(), machine.takeStates()]).to.deep.equal([[], ['close'], []]);
    });

    it('is resumed by its monitor where its stub does not do it', async () => {
      const { link } = await attachPaused();
      machine.dropDebugger();
      await eventually('it is lost', () => machine.debugged.includes('close'), { betweenMs: 1 });
      await turn();
      await link.resume();
      expect(machine.takeAsked()).to.deep.equal(['query-status', 'query-status', 'cont']);
      expect(machine.takeStates()).to.deep.equal(['running: cont']);
    });

    it('is told to leave physical mode by a fresh connection where the first has failed', async () => {
      const { link, session } = await attachPaused();
      await read(session);
      machine.dropDebugger();
      await eventually('it is lost', () => machine.debugged.includes('close'), { betweenMs: 1 });
      await turn();
      forget();
      await link.release();
      expect(machine.takeDebugged()).to.deep.equal([...HANDSHAKE, ...VIRTUAL, 'close']);
      expect(machine.takeAsked(), 'it waits for its turn').to.deep.equal([
        LOOK,
        'query-status',
        'query-status',
        'cont',
      ]);
      expect([machine.isPhysical, machine.status]).to.deep.equal([false, 'running']);
    });

    it('is not stopped while a migration arrives', async () => {
      const { link } = await attachPaused({ status: 'inmigrate' });
      expect(link.ranBefore).to.equal(false);
      await link.release();
      expect(machine.takeAsked()).to.deep.equal([]);
      const again = await attach({ status: 'inmigrate' });
      machine.takeAsked();
      await again.pause();
      expect(machine.takeAsked()).to.deep.equal(['query-chardev', 'query-status', 'query-migrate', LOOK]);
    });

    it('is not made while it is migrated, unless it is paused anyway', async () => {
      const monitor = (command: string): unknown => (command === 'query-migrate' ? { status: 'active' } : undefined);
      const link = await attach({ monitor });
      machine.takeAsked();
      const error = await expectRejection(link.pause());
      expect(error).to.have.property('code', 'ERR_GUEST_MIGRATING');
      expect(error.message).to.equal(
        `the guest behind ${machine.qmpEndpoint} is being migrated or saved ("active"), and pausing it now could break that. Nothing was touched: try again when it has ended, or ask without a pause (--live)`,
      );
      expect(machine.takeAsked()).to.deep.equal(['query-chardev', 'query-status', 'query-migrate']);
      await link.release();
      expect([machine.takeDebugged(), machine.takeStates()]).to.deep.equal([[], []]);
      const paused = await attachPaused({ monitor, status: 'paused' });
      expect(paused.link.ranBefore).to.equal(false);
    });

    for (const [version, pausesIt] of [
      [[10, 0, 2], true],
      [[7, 2, 22], false],
    ] as const) {
      it(`of a suspended guest is one by us only where QEMU pauses it: ${version.join('.')}`, async () => {
        const monitor = (command: string, asked: FakeQemu): undefined => {
          if (command === 'stop' && pausesIt) asked.change('paused', 'stop');
        };
        const link = await attach({ status: 'suspended', version, monitor });
        machine.takeAsked();
        await link.pause();
        expect(link.ranBefore).to.equal(pausesIt);
        expect(machine.takeAsked()).to.deep.equal([...PAUSE, 'query-status', LOOK]);
        await link.release();
        expect(machine.status).to.equal(pausesIt ? 'running' : 'suspended');
      });
    }

    it('goes by the run state right before it, should that have changed', async () => {
      let looks = 0;
      const monitor = (command: string, asked: FakeQemu): undefined => {
        if (command !== 'query-status') return;
        looks += 1;
        if (looks === 2) asked.change('paused', 'another client');
      };
      machine = await machines.start({ monitor });
      const link = await attachTo({ watchdog: true });
      const pausing = link.pause();
      await pausing;
      expect(link.ranBefore).to.equal(false);
      const plans = machines.holdJournal().takePlans() as readonly { readonly resume?: boolean }[];
      expect(plans.map(({ resume }) => resume).slice(0, 2)).to.deep.equal([true, false]);
      await link.release();
      expect(machine.status).to.equal('paused');
    });

    it('is known by the registers that it began with', async () => {
      machine = await machines.start();
      const link = await attachTo({ watchdog: true });
      link.noteRegisters('CPU#0\nRIP=1\n');
      await link.pause();
      await eventually('they are noted', () => machine.asked.includes('hmp info registers'), { betweenMs: 1 });
      const journal = machines.holdJournal();
      link.noteRegisters('CPU#7\nRIP=1\n');
      type Plan = { readonly registers?: Record<string, string>; readonly resume?: boolean; readonly stub?: string };
      const plans = journal.takePlans() as readonly Plan[];
      expect(plans[0]).to.deep.equal({ qmp: machine.qmpEndpoint, resume: true });
      expect(Object.keys(plans.at(-1)?.registers ?? {})).to.deep.equal(['0', '7']);
      expect(plans.at(-1)).to.include({ qmp: machine.qmpEndpoint, resume: true, stub: machine.gdbEndpoint });
      await link.resume();
      expect(journal.takePlans(), 'nothing of the pause is left').to.deep.equal([{ qmp: machine.qmpEndpoint }]);
      await link.pause();
      expect(journal.takePlans()[0], 'the stub is known now').to.deep.equal({
        ...{ qmp: machine.qmpEndpoint, resume: true, stub: machine.gdbEndpoint },
      });
      await link.release();
      expect(existsSync(machines.journals) ? readdirSync(machines.journals) : []).to.deep.equal([]);
    });

    it('cannot be known by registers that QEMU does not show', async () => {
      const monitor = (command: string): unknown =>
        command === 'hmp info registers' ? new Refusal('not now') : undefined;
      const { link } = await attachPaused({ monitor });
      await link.release();
      expect(machine.takeStates()).to.deep.equal(['running: cont of the stub']);
    });

    it('is not made without a stub: the guest goes on', async () => {
      machine = await machines.start();
      const other = await machines.start({ hasNoStub: true });
      const link = await attachTo({ gdb: other.gdbEndpoint });
      forget();
      expect(await expectRejection(link.pause())).to.have.property('code', 'ERR_TRANSPORT_NOT_FOUND');
      await link.release();
      expect(machine.takeStates()).to.deep.equal(['paused: stop', 'running: cont']);
    });
  });

  describe('that another client resumes in the middle', () => {
    const MESSAGE = (): string =>
      `another client resumed the guest behind ${machine.qmpEndpoint} in the middle; what was read may be torn. Try again`;

    it('is told of as soon as it is heard, and what is under way fails', async () => {
      const { link, session } = await attachPaused({ stub: (request) => (request[0] === 'm' ? undefined : 'default') });
      const reading = expectRejection(read(session));
      await eventually('it is asked', () => machine.debugged.includes('m1000,1'), { betweenMs: 1 });
      machine.change('running', 'another client');
      expect(await reading).to.include({ code: 'ERR_GDB_CLOSED', reason: MESSAGE() });
      expect(() => link.checkStillPaused())
        .to.throw(MESSAGE())
        .with.property('code', 'ERR_GUEST_RESUMED');
      expect(await link.findResumption()).to.have.property('message', MESSAGE());
      forget();
      await link.release();
      expect(machine.takeAsked()).to.deep.equal(['stop', LOOK, 'query-status', 'query-status', 'cont']);
      expect(machine.takeDebugged().slice(-6)).to.deep.equal([...HANDSHAKE, ...VIRTUAL, 'close']);
      expect(machine.status).to.equal('running');
    });

    it('is found to run where no event has told so, once something has failed', async () => {
      const { link } = await attachPaused();
      machine.holdsEvents = true;
      machine.change('running', 'another client');
      link.checkStillPaused();
      expect(await link.findResumption()).to.have.property('message', MESSAGE());
      expect(machine.takeAsked()).to.deep.equal(['query-status']);
      expect(await link.findResumption()).to.have.property('message', MESSAGE());
      expect(machine.takeAsked(), 'it is known').to.deep.equal([]);
    });

    it('may be paused anew, from the beginning', async () => {
      const { link } = await attachPaused();
      machine.change('running', 'another client');
      await link.hearNews();
      forget();
      await link.pause();
      link.checkStillPaused();
      expect(machine.takeAsked().slice(0, 5)).to.deep.equal(PAUSE.slice(1));
      await link.release();
      expect(machine.status).to.equal('running');
    });

    it('runs on where it had been paused before, as that client wants', async () => {
      const { link } = await attachPaused({ status: 'paused' });
      machine.change('running', 'another client');
      await link.hearNews();
      forget();
      await link.release();
      expect(machine.takeStates()).to.deep.equal(['paused: stop', 'running: cont']);
    });

    it('is asked about where events come late', async () => {
      const { link } = await attachPaused({ package: 'qemu-7.2.22' });
      await link.hearNews();
      expect(machine.takeAsked()).to.deep.equal(['query-status']);
      machine.holdsEvents = true;
      machine.change('running', 'another client');
      await link.hearNews();
      expect(() => link.checkStillPaused()).to.throw(MESSAGE());
    });

    it('is why a pause fails that it has ended', async () => {
      const stub = (request: string, asked: FakeQemu): 'default' | undefined => {
        if (request !== 'qSupported') return 'default';
        asked.change('running', 'another client');
        return undefined;
      };
      const link = await attach({ stub }, { timeoutMs: 4321 });
      const pausing = expectRejection(link.pause());
      await eventually('its stub is asked', () => machine.debugged.includes('qSupported'), { betweenMs: 1 });
      timers.fire(4321);
      expect(await pausing).to.have.property('message', MESSAGE());
    });
  });

  describe('that is let run', () => {
    it('is again paused when it stops, by us', async () => {
      const stub = (request: string, asked: FakeQemu): readonly string[] | 'default' => {
        if (request.endsWith('ThreadInfo')) return [request === 'qfThreadInfo' ? 'm01' : 'l'];
        if (request === 'g') return ['0'.repeat(32)];
        if (request !== 'vCont;c') return 'default';
        asked.change('running', 'vCont');
        asked.change('debug', 'a breakpoint');
        return ['T05thread:01;'];
      };
      const { link } = await attachPaused({ stub }, { maxPauseMs: 777 });
      expect(timers.waiting(777)).to.deep.equal([false]);
      const running = link.run({ breakpoints: [0x1000n], timeoutMs: 2000 });
      await turn();
      expect(timers.waiting(777), 'a guest that runs waits for no one').to.deep.equal([]);
      expect(await running).to.deep.equal({ cpu: 0, reason: 'breakpoint' });
      expect(timers.waiting(777)).to.deep.equal([false]);
      expect(machine.takeAsked(), 'its events are in with this').to.deep.equal(['query-status']);
      link.checkStillPaused();
      forget();
      await link.resume();
      expect(machine.takeDebugged()).to.deep.equal(RUN);
      expect(machine.takeStates()).to.deep.equal(['running: cont of the stub']);
      await link.pause();
      machine.change('debug', 'another client');
      expect(await expectRejection(link.release()), 'in the next pause it is no state of ours')
        .to.have.property('message')
        .that.includes('is in the state "debug" now');
    });

    it('has no deadline where it had been paused before', async () => {
      const stub = (request: string): readonly string[] | 'default' =>
        request.startsWith('vCont') ? ['T05thread:01;'] : 'default';
      const { link } = await attachPaused({ stub, status: 'paused' }, { maxPauseMs: 777 });
      expect(await link.run({ breakpoints: [], timeoutMs: 2000, step: 0 })).to.deep.equal({
        cpu: 0,
        reason: 'breakpoint',
      });
      expect(timers.waiting(777)).to.deep.equal([]);
    });

    it('is so only while it is paused here', async () => {
      const link = await attach();
      const MESSAGE_OF_RUN = 'only a guest that is paused here can be let run';
      const run = (): Promise<Error> => expectRejection(link.run({ breakpoints: [], timeoutMs: 1 }));
      expect(await run()).to.include({ code: 'ERR_GUEST_NOT_PAUSED', message: MESSAGE_OF_RUN });
      await link.pause();
      await link.resume();
      expect(await run()).to.include({ code: 'ERR_GUEST_NOT_PAUSED', message: MESSAGE_OF_RUN });
      await link.pause();
      machine.change('running', 'another client');
      await link.hearNews();
      expect(await run()).to.have.property('code', 'ERR_GUEST_RESUMED');
    });
  });

  describe('whose pause is too long', () => {
    it('is resumed when its time is up, and its question fails', async () => {
      const { link, session } = await attachPaused({}, { maxPauseMs: 777 });
      await read(session);
      forget();
      timers.fire(777);
      expect(() => link.checkStillPaused())
        .to.throw(`the guest behind ${machine.qmpEndpoint} was paused for 777 ms`)
        .with.property('code', 'ERR_GUEST_PAUSE_TOO_LONG');
      expect(timers.waiting(2500)).to.deep.equal([true]);
      await eventually('it runs', () => machine.status === 'running', { betweenMs: 1 });
      await eventually('all is over', () => timers.waiting(2500).length === 0, { betweenMs: 1 });
      expect(await expectRejection(read(session))).to.be.instanceOf(Error);
      await link.pause();
      link.checkStillPaused();
      expect(timers.waiting(777)).to.deep.equal([false]);
      await link.resume();
      expect(timers.waiting(777)).to.deep.equal([]);
      await link.release();
      expect([machine.isPhysical, machine.status]).to.deep.equal([false, 'running']);
    });

    it('has five seconds unless its caller says otherwise', async () => {
      const { link } = await attachPaused({}, { timeoutMs: 4321 });
      expect(timers.waiting(5000)).to.deep.equal([false]);
      await link.release();
      expect(timers.waiting(5000)).to.deep.equal([]);
      const endless = await attachPaused({}, { timeoutMs: 4321, maxPauseMs: Number.POSITIVE_INFINITY });
      expect(timers.waiting(5000)).to.deep.equal([]);
      await endless.link.release();
    });

    it('fails while it is still being made', async () => {
      const link = await attach(
        { stub: (request) => (request === 'qSupported' ? undefined : 'default') },
        {
          maxPauseMs: 777,
          timeoutMs: 4321,
        },
      );
      const pausing = expectRejection(link.pause());
      await eventually('its stub is asked', () => machine.debugged.includes('qSupported'), { betweenMs: 1 });
      expect(timers.waiting(1777), 'little longer than the pause').to.have.length(1);
      timers.fire(777);
      expect(await pausing).to.have.property('code', 'ERR_GUEST_PAUSE_TOO_LONG');
      await eventually('it runs', () => machine.status === 'running', { betweenMs: 1 });
      machine.dropDebugger();
    });

    it('is left to the watchdog where the monitor does not answer either', async () => {
      let isStuck = false;
      const stub = (): 'default' | undefined => (isStuck ? undefined : 'default');
      const monitor = (): unknown => (isStuck ? SILENCE : undefined);
      const { link } = await attachPaused({ stub, monitor }, { maxPauseMs: 777, watchdog: true });
      isStuck = true;
      timers.fire(777);
      timers.fire(2500);
      await eventually('the monitor is left', () => machine.monitors === 0, { betweenMs: 1 });
      isStuck = false;
      await eventually('the watchdog has resumed it', () => machine.status === 'running');
      await link.release();
    });

    it('is not left to a watchdog that its caller does not want', async () => {
      let isStuck = false;
      const { link } = await attachPaused(
        { monitor: () => (isStuck ? SILENCE : undefined), stub: () => (isStuck ? undefined : 'default') },
        { maxPauseMs: 777, timeoutMs: 4321 },
      );
      isStuck = true;
      timers.fire(777);
      timers.fire(2500);
      await turn();
      expect(machine.monitors).to.equal(1);
      machine.dropMonitors();
      expect((await expectRejection(link.release())).message).to.include('Nothing goes on trying');
    });
  });

  describe('that is left', () => {
    it('is told of where it has come into a state from which it is not to be resumed', async () => {
      const { link } = await attachPaused();
      machine.change('io-error', 'its disk');
      const error = await expectRejection(link.release());
      expect(error).to.have.property('code', 'ERR_GUEST_NOT_RESTORED');
      const what = `the guest behind ${machine.qmpEndpoint} ran before it was paused, and is in the state "io-error" now: another client has done that, so it is not resumed`;
      expect(error.message).to.equal(
        `the guest behind ${machine.qmpEndpoint} could not be left as it was found: ${what}. Check it with "info status", and "cont" if it should run`,
      );
      expect(error.cause).to.have.property('message', what);
      expect(machine.takeAsked()).to.deep.equal(['query-status']);
      expect(machine.takeDebugged()).to.deep.equal(['monitor info status', 'close']);
      expect(machine.takeStates()).to.deep.equal(['io-error: its disk']);
    });

    it('is stopped again where it had left in the moment in which it was resumed', async () => {
      let looks = 0;
      const stub = (request: string): readonly string[] | 'default' => {
        if (request !== 'monitor info status') return 'default';
        looks += 1;
        return looks === 2 ? console('VM status: paused (postmigrate)\r\n') : 'default';
      };
      machine = await machines.start({ stub });
      const link = await attachTo({ watchdog: true });
      await link.pause();
      const journal = machines.holdJournal();
      forget();
      const error = await expectRejection(link.resume());
      expect(error).to.have.property('code', 'ERR_GUEST_NOT_RESTORED');
      expect(error.message).to.include('into the state "postmigrate" in the moment');
      expect(machine.takeAsked()).to.deep.equal(['stop', 'blockdev-set-active false']);
      expect(machine.takeStates()).to.deep.equal(['running: cont of the stub', 'paused: stop']);
      expect(journal.takePlans().at(-1)).to.deep.include({ resume: false });
      await link.release();
      expect(machine.takeStates(), 'nothing resumes it').to.deep.equal([]);
    });

    it('is stopped again by its monitor, where that had resumed it', async () => {
      let looks = 0;
      const monitor = (command: string): unknown => {
        if (command !== 'query-status') return undefined;
        looks += 1;
        return looks === 5 ? { status: 'postmigrate', running: false } : undefined;
      };
      const { link } = await attachPaused({
        monitor,
        stub: (request) => (request === 'monitor info status' ? console('VM status: paused (debug)\r\n') : 'default'),
      });
      looks = 3;
      const error = await expectRejection(link.resume());
      expect(error).to.have.property('code', 'ERR_GUEST_NOT_RESTORED');
      expect(error.message).to.include('into the state "postmigrate" in the moment');
      expect(machine.takeAsked()).to.deep.equal([
        ...['query-status', 'query-status', 'cont', 'stop', 'blockdev-set-active false'],
      ]);
      await link.release();
      expect(machine.takeStates()).to.deep.equal(['running: cont', 'paused: stop']);
    });

    it('is stopped once more where its stub has swallowed a packet, and told over a new connection', async () => {
      let isSwallowed = false;
      const stub = (request: string): readonly string[] | 'default' | undefined => {
        if (request !== 'Qqemu.PhyMemMode:0' || isSwallowed) return 'default';
        isSwallowed = true;
        return undefined;
      };
      const { link, session } = await attachPaused({ stub });
      await read(session);
      forget();
      await link.resume();
      expect(machine.takeAsked()).to.deep.equal(['stop', LOOK, 'query-status', 'query-status', 'cont']);
      expect(machine.takeDebugged().slice(-6)).to.deep.equal(['close', ...HANDSHAKE, ...VIRTUAL]);
      expect([machine.isPhysical, machine.status]).to.deep.equal([false, 'running']);
    });

    it('is resumed where its stub is silent, and that stub is told by a fresh connection when the guest is left', async () => {
      let isSilent = false;
      const { link, session } = await attachPaused({ stub: () => (isSilent ? undefined : 'default') });
      await read(session);
      isSilent = true;
      const resuming = link.resume().then(
        () => undefined,
        (error: unknown) => error,
      );
      await eventually('it is waited for', () => timers.waiting(2000).length > 0, { betweenMs: 1 });
      timers.fire(2000);
      await turn();
      expect(await resuming).to.have.property('code', 'ERR_GUEST_STUB_UNREACHABLE');
      await eventually('it runs', () => machine.status === 'running', { betweenMs: 1 });
      isSilent = false;
      forget();
      await link.release();
      expect(machine.takeDebugged()).to.deep.equal(['close', ...HANDSHAKE, ...VIRTUAL, 'close']);
      expect([machine.isPhysical, machine.status]).to.deep.equal([false, 'running']);
    });

    it('is told of where nothing resumes it', async () => {
      const refuses = (command: string): unknown => (command === 'cont' ? new Refusal('locked') : undefined);
      const { link } = await attachPaused({
        monitor: refuses,
        stub: (request) => (request === 'monitor cont' ? console('Error: locked\r\n') : 'default'),
      });
      const error = await expectRejection(link.release());
      expect(error).to.have.property('code', 'ERR_GUEST_NOT_RESTORED');
      expect(error.message).to.equal(
        `the guest behind ${machine.qmpEndpoint} could not be left as it was found: ${machine.qmpEndpoint}: cont: locked (GenericError). Check it with "info status", and "cont" if it should run`,
      );
      expect(machine.takeAsked()).to.deep.equal(['query-status', 'query-status', 'cont']);
      await eventually('it is left', () => machine.monitors === 0 && !machine.hasDebugger, { betweenMs: 1 });
    });
  });

  describe('whose monitor is gone', () => {
    it('is nothing to be told of where it was not paused', async () => {
      const link = await attach();
      machine.dropMonitors();
      await eventually('it is gone', () => machine.monitors === 0, { betweenMs: 1 });
      await turn();
      await link.release();
      expect(await expectRejection(link.pause())).to.have.property('code', 'ERR_GUEST_USAGE');
    });

    it('fails what is under way, and is told of where it was paused and no other process tries', async () => {
      const { link, session } = await attachPaused({ stub: (request) => (request[0] === 'm' ? undefined : 'default') });
      const reading = expectRejection(read(session));
      await eventually('it is asked', () => machine.debugged.includes('m1000,1'), { betweenMs: 1 });
      machine.dropMonitors();
      expect(await reading).to.have.property('code', 'ERR_GDB_CLOSED');
      const error = await expectRejection(link.release());
      expect(error).to.have.property('code', 'ERR_GUEST_NOT_RESTORED');
      expect(error.message).to.equal(
        `the guest behind ${machine.qmpEndpoint} may have been left paused, as the way to its monitor is gone. Nothing goes on trying; check it with "info status", and "cont" if it should run`,
      );
      await eventually('its stub is left', () => !machine.hasDebugger, { betweenMs: 1 });
    });

    it('is the watchdog’s where there is one', async () => {
      const { link } = await attachPaused({}, { watchdog: true });
      machine.dropMonitors();
      await turn();
      const error = await expectRejection(link.release());
      expect(error.message).to.include('The watchdog goes on trying for ten minutes');
      await eventually('the watchdog has resumed it', () => machine.status === 'running');
      await eventually('and has left', () => machine.monitors === 0);
      await eventually('with the journal', () => !existsSync(machines.journals));
    });

    it('is no news where it had been paused before', async () => {
      const { link } = await attachPaused({ status: 'paused' });
      machine.dropMonitors();
      await turn();
      await link.release();
    });
  });

  describe('whose stub says nothing', () => {
    /** Attaches and tries to pause while the stub takes no one up. */
    async function attachInVain(options: AttachOptions = {}): Promise<{ link: QmpLink; error: Error }> {
      const link = await attach({}, { timeoutMs: 4321, ...options });
      forget();
      machine.isStubHeld = true;
      const pausing = expectRejection(link.pause());
      await eventually('it waits', () => machine.hasDebugger, { betweenMs: 1 });
      await eventually('it is noted', () => timers.waiting(4321).length === 1, { betweenMs: 1 });
      timers.fire(4321);
      return { link, error: await pausing };
    }

    const isRunning = (): Promise<void> =>
      eventually('it runs, and no one is served', () => machine.status === 'running' && !machine.hasDebugger, {
        betweenMs: 1,
      });

    it('is told of, with what may come of it', async () => {
      const { link, error } = await attachInVain();
      expect(error).to.include({ code: 'ERR_GUEST_STUB_UNREACHABLE', stub: machine.gdbEndpoint });
      const then = 'nothing resumes it then but "cont" in its monitor';
      expect(error.message).to.equal(
        `the GDB stub at ${machine.gdbEndpoint} said nothing for 4321 ms: the way to it is slow, or it serves another debugger, or there is none. The guest is left as it was found. QEMU may take the connection up when this client has left, which pauses the guest: ${then}. For a slow way allow more time (--timeout, --max-pause)`,
      );
      expect(error.cause).to.have.property('code', 'ERR_GDB_BUSY');
      await link.release();
      expect(machine.takeStates()).to.deep.equal(['paused: stop', 'running: cont']);
    });

    it('is guarded by the watchdog after that', async () => {
      const { link, error } = await attachInVain({ watchdog: true });
      expect(error.message).to.include('which pauses the guest: the watchdog resumes it then. For');
      await link.release();
      expect(existsSync(machines.journals), 'the next client has nothing to put back').to.equal(false);
      forget();
      machine.letStubGo();
      await eventually('the watchdog has resumed it', () => machine.takeStates().join().includes('running: cont'), {
        betweenMs: 50,
      });
    });

    it('is resumed when QEMU takes the connection up while it runs', async () => {
      const { link } = await attachInVain();
      await link.resume();
      await isRunningAgain();
      forget();
      machine.letStubGo();
      await isRunning();
      expect(machine.takeStates()).to.deep.equal(['paused: a debugger', 'running: cont']);
      expect(machine.takeAsked().slice(-4)).to.deep.equal(['query-chardev', 'query-status', 'query-status', 'cont']);
      machine.change('paused', 'another client');
      await turn();
      await link.release();
      expect(machine.status, 'there was one such connection').to.equal('paused');
    });

    it('is looked after when the guest is paused, and for no other event', async () => {
      const { link } = await attachInVain();
      await link.resume();
      await isRunningAgain();
      forget();
      machine.tell('RTC_CHANGE');
      await turn();
      // What is asked is answered in turn: had the event led to anything, that would be here.
      await link.firstProcessor('/machine/cpu');
      expect(machine.takeAsked()).to.deep.equal([
        'query-kvm',
        ...PROPERTIES.map((property) => `qom-get /machine/cpu ${property}`),
      ]);
    });

    const isRunningAgain = (): Promise<void> =>
      eventually('it runs', () => machine.status === 'running', { betweenMs: 1 });

    it('is resumed before the next pause, should its event be late', async () => {
      const { link } = await attachInVain();
      await link.resume();
      machine.holdsEvents = true;
      machine.letStubGo();
      await eventually('it was taken up', () => machine.debugged.includes('close'), { betweenMs: 1 });
      expect(machine.status).to.equal('paused');
      forget();
      await link.pause();
      expect(link.ranBefore).to.equal(true);
      expect(machine.takeStates()).to.deep.equal(['running: cont', 'paused: stop']);
      await link.release();
      expect(machine.status).to.equal('running');
    });
  });

  describe('whose stub was named by mistake', () => {
    it('is told of, and the other guest goes on as it was', async () => {
      const other = await machines.start();
      machine = await machines.start();
      const link = await attachTo({ gdb: other.gdbEndpoint });
      const error = await expectRejection(link.pause());
      expect(error).to.include({ code: 'ERR_GUEST_STUB_UNREACHABLE', stub: other.gdbEndpoint });
      expect(error.message).to.include(
        `QEMU behind ${machine.qmpEndpoint} has one that serves no one. Connecting to it paused the guest, which has been resumed. Name`,
      );
      expect(other.takeStates()).to.deep.equal(['paused: a debugger', 'running: cont of the stub']);
      expect(other.takeDebugged()).to.deep.equal([
        ...[
          ...HANDSHAKE,
          'monitor info status',
          'monitor info version',
          'monitor info status',
          'monitor cont',
          'close',
        ],
      ]);
      await link.release();
      expect(machine.takeStates()).to.deep.equal(['paused: stop', 'running: cont']);
    });

    it('leaves the other guest paused where it had been so', async () => {
      const other = await machines.start({ status: 'paused' });
      machine = await machines.start();
      const link = await attachTo({ gdb: other.gdbEndpoint });
      expect((await expectRejection(link.pause())).message).to.include('The guest is paused, as it was before. Name');
      expect(other.takeStates()).to.deep.equal([]);
    });

    it('is resumed by its monitor where its devices do not tell whose the stub is', async () => {
      const other = await machines.start();
      machine = await machines.start({ hasNoStub: true });
      machine.devices.push(['#chr042', 'gdb']);
      const link = await attachTo({ gdb: other.gdbEndpoint });
      await link.pause();
      expect(link.isStubProven).to.equal(false);
      forget();
      await link.resume();
      expect(machine.takeAsked()).to.deep.equal(['query-status', 'query-status', 'query-status', 'cont']);
      expect(machine.takeStates()).to.deep.equal(['running: cont']);
      expect(other.status).to.equal('running');
    });
  });

  it('hands QEMU its device state by a folder that both have', async () => {
    const { link } = await attachPaused();
    const file = await link.deviceStateFile();
    expect(file.path).to.match(/\/pagewalk-[\w-]{8}\/[\w-]{8}\/device-state$/);
    const outer = file.path.split('/').slice(0, -2).join('/');
    expect(existsSync(outer)).to.equal(true);
    await link.release();
    expect(existsSync(outer)).to.equal(false);
  });
});
