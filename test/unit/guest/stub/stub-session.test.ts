import { expect } from 'chai';
import { GdbClient } from '../../../../protocols/gdb/index.ts';
import { ConnectError, type Connection, connect } from '../../../../protocols/transport/index.ts';
import { LEAVE_TIMEOUT_MS, type StubOptions, StubSession } from '../../../../src/guest/stub/stub-session.ts';
import { eventually } from '../../../support/eventually.ts';
import { expectRejection } from '../../../support/expect-rejection.ts';
import { console, type FakeQemu, type FakeQemuOptions } from '../../../support/fakes/machine/fake-qemu.ts';
import { useFakeQemus } from '../../../support/fakes/machine/use-fake-qemus.ts';
import { useWatchedTimers } from '../../../support/fakes/machine/watched-timers.ts';

const HANDSHAKE = ['open', 'qSupported', 'qqemu.Supported'];
const PHYSICAL = ['Qqemu.PhyMemMode:1', 'qqemu.PhyMemMode'];
const VIRTUAL = ['Qqemu.PhyMemMode:0', 'qqemu.PhyMemMode'];

describe('the connection to a stub', () => {
  const machines = useFakeQemus();
  const timers = useWatchedTimers();
  let machine: FakeQemu;
  let session: StubSession;

  /** A connection to the stub of a paused guest. */
  async function open(options: Partial<StubOptions> = {}, how: Omit<FakeQemuOptions, 'path'> = {}): Promise<void> {
    machine = await machines.start({ status: 'paused', ...how });
    session = await StubSession.open({ endpoint: machine.gdbEndpoint, timeoutMs: 3000, ...options });
    expect(machine.takeDebugged()).to.deep.equal(HANDSHAKE);
  }

  /** So many turns of the event loop that what was lost on a socket is known. */
  const lost = (): Promise<void> => eventually('it is lost', () => session.client.state !== 'open', { betweenMs: 1 });

  afterEach(() => session.abandon());

  it('turns physical mode on with the first request of a pause, in one write, and off when it is left', async () => {
    await open();
    expect(session.isPhysical).to.equal(false);
    const [bytes] = await Promise.all([
      session.inPhysicalMode((client) => client.readMemory(0x1000, 2)),
      session.inPhysicalMode((client) => client.readMemory(0x1002, 1)),
    ]);
    expect([...bytes]).to.deep.equal([0, 1]);
    expect(machine.takeDebugged()).to.deep.equal([...PHYSICAL, 'm1000,2', 'm1002,1']);
    expect(session.isPhysical).to.equal(true);
    await session.inPhysicalMode((client) => client.readMemory(1, 1));
    expect(machine.takeDebugged()).to.deep.equal(['m1,1']);
    await session.leavePhysicalMode();
    expect(session.isPhysical).to.equal(false);
    expect(machine.takeDebugged()).to.deep.equal(VIRTUAL);
    await session.leavePhysicalMode();
    expect(machine.takeDebugged(), 'it is off').to.deep.equal([]);
    await session.enter();
    await session.inPhysicalMode((client) => client.readMemory(1, 1));
    expect(machine.takeDebugged(), 'the next pause').to.deep.equal([...PHYSICAL, 'm1,1']);
  });

  it('fails a request in physical mode if there is no such mode', async () => {
    await open({}, { stub: (request) => (request.startsWith('Qqemu') ? ['E22'] : 'default') });
    const failure = await expectRejection(session.inPhysicalMode((client) => client.readMemory(1, 1)));
    expect(failure).to.have.property('code', 'ERR_GDB_REPLY');
    expect(session.isPhysical, 'it may be on').to.equal(true);
  });

  it('gives no client while it is left, and gives one again in the next pause', async () => {
    await open();
    expect(session.client.state).to.equal('open');
    await session.leavePhysicalMode();
    expect(() => session.client)
      .to.throw('the guest was left while a question to it was under way')
      .with.property('code', 'ERR_GUEST_NOT_PAUSED');
    expect(await expectRejection(session.inPhysicalMode(() => Promise.resolve(1)))).to.have.property(
      'code',
      'ERR_GUEST_NOT_PAUSED',
    );
    await session.enter();
    expect(session.client.state).to.equal('open');
    expect(machine.takeDebugged(), 'on the same connection').to.deep.equal([]);
  });

  it('is made anew where it has failed, when the guest is paused again', async () => {
    const made: Connection[] = [];
    const turns: string[] = [];
    await open({
      onConnection: (connection) => made.push(connection),
      awaitTurn: async () => void turns.push(machine.hasDebugger ? 'too early' : 'free'),
    });
    expect(await session.settle()).to.equal(true);
    expect([made.length, turns]).to.deep.equal([1, []]);
    expect(made[0]).to.equal(session.client.connection);
    machine.dropDebugger();
    await lost();
    expect(await session.settle()).to.equal(false);
    await session.enter();
    expect(machine.takeDebugged()).to.deep.equal(['close', ...HANDSHAKE]);
    expect([made.length, turns]).to.deep.equal([2, ['free']]);
    expect(made[1]).to.equal(session.client.connection);
    expect(await session.settle()).to.equal(true);
    expect(session.mayPauseLater).to.equal(false);
  });

  it('is made by its own way where it has one, with the time that there is', async () => {
    const times: number[] = [];
    const way = (timeoutMs: number): Promise<Connection> => {
      times.push(timeoutMs);
      return connect(machine.gdbEndpoint, { timeoutMs });
    };
    await open({ endpoint: 'unix:/nowhere', timeoutMs: 1500, connect: way });
    machine.dropDebugger();
    await lost();
    await session.renew();
    expect(times, 'never longer than is said').to.deep.equal([1500, 1500]);
    await session.abandon();
    session = await StubSession.open({ endpoint: 'unix:/nowhere', timeoutMs: 9000, connect: way });
    session.lose(new Error('lost'));
    await session.renew();
    session.lose(new Error('lost'));
    await session.enter();
    await session.stopGuest();
    expect(times.slice(2), 'a paused guest waits').to.deep.equal([9000, LEAVE_TIMEOUT_MS, 9000, LEAVE_TIMEOUT_MS]);
    expect(LEAVE_TIMEOUT_MS).to.equal(2000);
  });

  it('takes over a connection that is there', async () => {
    await open();
    const second = await machines.start({ status: 'paused' });
    const client = await GdbClient.open(second.gdbEndpoint, { timeoutMs: 2000 });
    const over = StubSession.over(client, { endpoint: second.gdbEndpoint, timeoutMs: 2000 });
    expect(over.client).to.equal(client);
    await over.abandon();
    expect(client.state).to.equal('closed');
  });

  it('turns physical mode off by a fresh connection where the first has failed', async () => {
    await open();
    await session.inPhysicalMode((client) => client.readMemory(1, 1));
    machine.dropDebugger();
    await lost();
    machine.takeDebugged();
    await session.leavePhysicalMode();
    expect(machine.takeDebugged()).to.deep.equal([...HANDSHAKE, ...VIRTUAL]);
    expect([session.isPhysical, machine.isPhysical]).to.deep.equal([false, false]);
  });

  it('knows that one which got no answer may pause the guest later, until one is answered', async () => {
    await open({ timeoutMs: 30 });
    machine.isStubHeld = true;
    machine.dropDebugger();
    await lost();
    expect(await expectRejection(session.enter())).to.have.property('code', 'ERR_GDB_BUSY');
    expect(session.mayPauseLater).to.equal(true);
    machine.letStubGo();
    await eventually('it had its turn', () => !machine.hasDebugger, { betweenMs: 1 });
    await session.enter();
    expect(session.mayPauseLater).to.equal(false);
  });

  it('knows that one which was not made pauses nothing', async () => {
    let isThere = true;
    const gone = new ConnectError('ERR_TRANSPORT_REFUSED', 'unix:/run/vm.gdb', 'refused');
    await open({
      connect: (timeoutMs) => (isThere ? connect(machine.gdbEndpoint, { timeoutMs }) : Promise.reject(gone)),
    });
    isThere = false;
    session.lose(new Error('lost'));
    expect(await expectRejection(session.enter())).to.equal(gone);
    expect(session.mayPauseLater).to.equal(false);
    expect(await session.settle()).to.equal(false);
    isThere = true;
    await session.enter();
    expect(await session.settle()).to.equal(true);
  });

  it('does not connect where it is not its turn', async () => {
    const busy = new Error('it serves another');
    await open({ awaitTurn: () => Promise.reject(busy) });
    machine.dropDebugger();
    await lost();
    machine.takeDebugged();
    expect(await expectRejection(session.renew())).to.equal(busy);
    expect([machine.takeDebugged(), session.mayPauseLater]).to.deep.equal([[], false]);
  });

  it('fails what is under way for the reason that is given', async () => {
    await open({}, { stub: (request) => (request.startsWith('m') ? undefined : 'default') });
    const reading = expectRejection(session.client.readMemory(1, 1));
    await eventually('it was asked', () => machine.debugged.includes('m1,1'), { betweenMs: 1 });
    const reason = new Error('the guest runs');
    session.lose(reason);
    const error = await reading;
    expect(error).to.include({ code: 'ERR_GDB_CLOSED', reason: 'the guest runs', cause: reason });
    expect(error).to.have.property('endpoint', machine.gdbEndpoint);
    expect(error.message).to.equal(
      `the connection to the GDB stub at ${machine.gdbEndpoint} was closed: the guest runs`,
    );
  });

  it('stops a guest that runs by connecting anew', async () => {
    await open();
    machine.status = 'running';
    await session.stopGuest();
    expect(machine.takeStates()).to.deep.equal(['paused: a debugger']);
    expect(machine.takeDebugged()).to.deep.equal(['close', ...HANDSHAKE]);
  });

  it('is closed without a word', async () => {
    await open();
    await session.inPhysicalMode((client) => client.readMemory(1, 1));
    machine.takeDebugged();
    await session.abandon();
    await eventually('it has left', () => !machine.hasDebugger, { betweenMs: 1 });
    expect(machine.takeDebugged()).to.deep.equal(['close']);
    expect(() => session.client).to.throw('the guest was left');
  });

  it('is closed with what is still being made', async () => {
    await open();
    machine.isStubHeld = true;
    session.lose(new Error('lost'));
    const entering = session.enter().then(
      () => 'entered',
      () => 'failed',
    );
    await eventually('it waits', () => machine.debugged.includes('close'), { betweenMs: 1 });
    const abandoning = session.abandon();
    await eventually('it waits for its turn', () => machine.hasDebugger, { betweenMs: 1 });
    machine.letStubGo();
    await Promise.all([abandoning, entering]);
    await eventually('none is left', () => !machine.hasDebugger, { betweenMs: 1 });
  });

  describe('when the guest is resumed', () => {
    const RESUMED = ['monitor info status', 'monitor info status', 'monitor cont'];

    it('leaves physical mode first', async () => {
      await open();
      await session.inPhysicalMode((client) => client.readMemory(1, 1));
      machine.takeDebugged();
      expect(await session.leaveAndRun()).to.deep.equal({ kind: 'runs' });
      expect(machine.takeDebugged()).to.deep.equal([...VIRTUAL, ...RESUMED]);
      expect(machine.takeStates()).to.deep.equal(['running: cont of the stub']);
      expect(() => session.client).to.throw('the guest was left');
    });

    it('is not where it is in another state than that of our pause', async () => {
      await open({}, { status: 'io-error' });
      expect(await session.leaveAndRun()).to.deep.equal({
        kind: 'refused',
        complaint: 'it is in the state "io-error" now, which another client has done',
      });
      expect(machine.takeDebugged()).to.deep.equal(['monitor info status']);
    });

    it('goes by what its caller takes for a pause of ours', async () => {
      await open({}, { status: 'debug' });
      const seen: string[] = [];
      const isOurs = (status: string): boolean => {
        seen.push(status);
        return status === 'debug';
      };
      expect(await session.leaveAndRun(isOurs)).to.deep.equal({ kind: 'runs' });
      expect(seen).to.deep.equal(['debug', 'debug']);
    });

    it('is not by a connection that has failed, which only leaves physical mode', async () => {
      await open();
      await session.inPhysicalMode((client) => client.readMemory(1, 1));
      machine.dropDebugger();
      await lost();
      machine.takeDebugged();
      expect(await session.leaveAndRun()).to.deep.equal({
        kind: 'refused',
        complaint: 'the connection to its GDB stub has failed',
      });
      expect(machine.takeDebugged()).to.deep.equal([...HANDSHAKE, ...VIRTUAL]);
      expect(machine.takeStates()).to.deep.equal([]);
    });

    it('shows that it had left', async () => {
      let looks = 0;
      await open(
        {},
        {
          stub: (request) => {
            if (request !== 'monitor info status') return 'default';
            looks += 1;
            return console(`VM status: paused${looks > 1 ? ' (postmigrate)' : ''}\r\n`);
          },
        },
      );
      expect(await session.leaveAndRun()).to.deep.equal({ kind: 'strayed', from: 'postmigrate' });
    });
  });

  describe('that does not answer when it is left', () => {
    const MESSAGE = (endpoint: string): string =>
      `the GDB stub at ${endpoint} did not answer within 2000 ms when the guest was left; its physical mode may still be on`;

    for (const [what, silent, leave] of [
      ['physical mode', 'Qqemu.PhyMemMode:0', () => session.leavePhysicalMode()],
      ['the run state', 'monitor info status', () => session.leaveAndRun()],
      ['cont', 'monitor cont', () => session.leaveAndRun()],
    ] as const) {
      it(`is closed after its time: ${what}`, async () => {
        let isSilent = false;
        const stub = (request: string): 'default' | undefined => {
          isSilent ||= request === silent;
          return isSilent ? undefined : 'default';
        };
        await open({ requestTimeoutMs: 60_000 }, { stub });
        await session.inPhysicalMode((client) => client.readMemory(1, 1));
        const { client } = session;
        const leaving = expectRejection(leave());
        await eventually('it was asked', () => machine.debugged.includes(silent), { betweenMs: 1 });
        timers.fire(LEAVE_TIMEOUT_MS);
        const error = await leaving;
        expect(error).to.include({ code: 'ERR_GUEST_STUB_UNREACHABLE', stub: machine.gdbEndpoint });
        expect(error.message).to.equal(MESSAGE(machine.gdbEndpoint));
        expect(client.state).to.equal('failed');
        expect(timers.waiting(LEAVE_TIMEOUT_MS)).to.deep.equal([]);
      });
    }

    it('may have answered all the same, unread, when its time is up', async () => {
      let isLeft = false;
      const stub = (request: string): 'default' => {
        if (isLeft && request === 'qqemu.PhyMemMode') setImmediate(letTimePass);
        return 'default';
      };
      // The answer is on its way. This process is suspended for a while, and when it goes on its timers come first.
      const letTimePass = (): void => {
        setTimeout(() => timers.fire(LEAVE_TIMEOUT_MS), 1);
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
      };
      await open({}, { stub });
      await session.inPhysicalMode((client) => client.readMemory(1, 1));
      isLeft = true;
      await session.leavePhysicalMode();
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
      await session.enter();
      expect(machine.debugged.filter((request) => request === 'open')).to.deep.equal([]);
    });

    it('leaves no timer behind where it does', async () => {
      await open();
      await session.inPhysicalMode((client) => client.readMemory(1, 1));
      const leaving = session.leavePhysicalMode();
      expect(timers.waiting(LEAVE_TIMEOUT_MS)).to.deep.equal([true]);
      await leaving;
      expect(timers.waiting(LEAVE_TIMEOUT_MS)).to.deep.equal([]);
    });
  });
});
