import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { duplexPair } from 'node:stream';
import { expect } from 'chai';
import { QmpClient } from '../../../../protocols/qmp/index.ts';
import {
  type Connection,
  connect,
  type DescriptorCarrier,
  type HandedFile,
  identifySocket,
  type RemoteHost,
  type RemoteProcess,
} from '../../../../protocols/transport/internal.ts';
import { qmpMonitor } from '../../../../src/guest/monitor/qmp-monitor.ts';
import { type Peer, type PeerProcess, unknownPeer } from '../../../../src/guest/peer/peer.ts';
import { readIdentity } from '../../../../src/guest/peer/process-identity.ts';
import { Safekeeping } from '../../../../src/guest/restore/safekeeping.ts';
import { STUB_TURN_MS, StubAccess } from '../../../../src/guest/stub/stub-access.ts';
import { eventually } from '../../../support/eventually.ts';
import { expectRejection } from '../../../support/expect-rejection.ts';
import { type FakeQemu, type FakeQemuOptions, Refusal } from '../../../support/fakes/machine/fake-qemu.ts';
import { useFakeQemus } from '../../../support/fakes/machine/use-fake-qemus.ts';

const UNKNOWN = unknownPeer({ code: 'not-linux' });
const REMOTE: Peer = { kind: 'remote', process: { pid: 77 } as RemoteProcess };
const OWN_UID = process.geteuid?.() ?? 0;

/** This process, in which the machines are. */
function ourselves(): PeerProcess {
  const identity = readIdentity(process.pid);
  if (identity === undefined) throw new Error('this process cannot be seen');
  return { kind: 'process', pid: process.pid, uid: OWN_UID, identity };
}

interface Way {
  readonly peer?: Peer;
  readonly named?: string;
  /** As the caller wrote it, where it is not where the machine is. */
  readonly qmpEndpoint?: string;
  readonly machine?: Omit<FakeQemuOptions, 'path'>;
  /** What the connection has, or has not. */
  readonly connection?: Partial<Connection> | undefined;
  readonly keepsJournal?: boolean;
}

/** A way to hand things over; what is handed is never looked at. */
function makeCarrier(send: (text: string) => void) {
  const log: string[] = [];
  const file: HandedFile = {
    handed: { number: 8 },
    take: (maxBytes) => {
      log.push(`take ${maxBytes}`);
      return Buffer.from('state');
    },
    close: () => void log.push('close file'),
  };
  const carrier: DescriptorCarrier = {
    makeStream: () => {
      const [stream] = duplexPair();
      const close = (): Promise<void> => Promise.resolve(void log.push('close stream'));
      const connection = { endpoint: 'the stub that was handed over', stream, explainEnd: () => '', close };
      const findHolder = (): Promise<RemoteProcess> => Promise.resolve({ pid: 99 } as RemoteProcess);
      return Promise.resolve({ connection, handed: { number: 7 }, findHolder });
    },
    makeFile: () => file,
    send,
  };
  return { carrier, log };
}

/** What QEMU says to what is handed over. */
function takesAll(command: string): unknown {
  const [name] = command.split(' ');
  if (name === 'add-fd') return { 'fdset-id': 3, fd: 12 };
  if (name === 'query-fdsets') return [{ 'fdset-id': 3, fds: [{ opaque: command }] }];
  if (command.startsWith('hmp gdbserver chardev:')) return "Waiting for gdb connection on device 'chardev:x'\r\n";
  return ['getfd', 'closefd', 'chardev-add', 'chardev-remove', 'remove-fd'].includes(name ?? '') ? {} : undefined;
}

describe('the stub of a guest whose monitor is held', () => {
  const machines = useFakeQemus();
  const { env } = process;
  const { TMPDIR } = env;
  let machine: FakeQemu;
  let qmp: QmpClient;
  let safekeeping: Safekeeping;
  let access: StubAccess;
  let connection: Connection;

  async function open(way: Way = {}): Promise<void> {
    machine = await machines.start(way.machine);
    const made = await connect(machine.qmpEndpoint, { timeoutMs: 2000 });
    const { endpoint, stream, socket } = made;
    // With no way to hand anything over, unless the test has one.
    connection = {
      endpoint,
      stream,
      ...(socket === undefined ? {} : { socket }),
      explainEnd: () => made.explainEnd(),
      close: () => made.close(),
      ...way.connection,
    };
    qmp = await QmpClient.connect(connection);
    safekeeping = new Safekeeping({ endpoint: machine.qmpEndpoint, enabled: way.keepsJournal === true });
    access = new StubAccess({
      qmp,
      qmpEndpoint: way.qmpEndpoint ?? machine.qmpEndpoint,
      named: way.named?.replace('STUB', machine.gdbEndpoint),
      monitor: qmpMonitor(qmp),
      peer: way.peer ?? ourselves(),
      safekeeping,
    });
  }

  /** With a way to hand things over, which `carrier` makes once it is asked for, or has from the beginning. */
  async function openWithCarrier(way: Way, isThere = true): Promise<string[]> {
    const { carrier, log } = makeCarrier((text) => connection.stream.write(`${text}\n`, 'utf8'));
    const prepareCarrier = (): Promise<void> => {
      log.push('prepare');
      Object.assign(connection, { carrier });
      return Promise.resolve();
    };
    await open({ machine: { monitor: takesAll }, ...way, connection: { ...way.connection, prepareCarrier } });
    if (isThere) Object.assign(connection, { carrier });
    return log;
  }

  /** What is there of a stub, for a look at everything at once. */
  const facts = () => ({
    endpoint: access.endpoint,
    isProven: access.isProven,
    mayBeForeign: access.mayBeForeign,
    isOfOurs: access.isOfOurs,
    hasMade: access.hasMade,
    toLeave: access.toLeave,
  });

  const identityOf = (endpoint: string): string => identifySocket(endpoint.slice('unix:'.length)).identity;

  beforeEach(() => {
    env['TMPDIR'] = machines.file('tmp');
    mkdirSync(tmpdir());
  });

  afterEach(async () => {
    if (TMPDIR === undefined) delete env['TMPDIR'];
    else env['TMPDIR'] = TMPDIR;
    await qmp.close();
    await safekeeping.disarm();
  });

  it('is nowhere before it was found', async () => {
    await open();
    expect(() => access.endpoint)
      .to.throw('a link that was released cannot pause the guest')
      .with.property('code', 'ERR_GUEST_USAGE');
    expect([access.isProven, access.mayBeForeign, access.isOfOurs, access.hasMade]).to.deep.equal([
      ...[false, false, false, false],
    ]);
    await access.remove();
    await access.takeBackHanded();
    access.removeDirectory();
    expect(machine.takeAsked()).to.deep.equal([]);
  });

  it('has the process at the other end, where that is one of this host', async () => {
    await open();
    expect(access.process).to.deep.equal(ourselves());
    await qmp.close();
    await open({ peer: REMOTE });
    expect([access.process, access.peer]).to.deep.equal([undefined, REMOTE]);
  });

  describe('that the caller names', () => {
    it('is proven where QEMU’s own process listens there, and stays that socket', async () => {
      await open({ named: 'STUB' });
      await access.find();
      expect(facts()).to.deep.equal({
        endpoint: machine.gdbEndpoint,
        isProven: true,
        mayBeForeign: false,
        isOfOurs: false,
        hasMade: false,
        toLeave: { stub: machine.gdbEndpoint, stubFile: identityOf(machine.gdbEndpoint) },
      });
      expect(machine.takeAsked()).to.deep.equal(['query-chardev']);
      await access.find();
      expect(machine.takeAsked(), 'once').to.deep.equal([]);
      expect(await access.seesConnection()).to.equal(false);
      const way = await access.connect?.(2000);
      await eventually('it is taken up', () => machine.debugged.includes('open'), { betweenMs: 1 });
      expect(await access.seesConnection()).to.equal(true);
      await way?.close();
    });

    it('may be another guest’s where that is not proven', async () => {
      await open({ named: 'STUB', peer: UNKNOWN });
      await access.find();
      expect(facts()).to.deep.include({
        isProven: false,
        mayBeForeign: true,
        toLeave: { stub: machine.gdbEndpoint },
      });
      access.isProven = true;
      expect(access.mayBeForeign).to.equal(false);
    });

    it('is refused where QEMU has none', async () => {
      await open({ named: 'STUB', machine: { hasNoStub: true } });
      const error = await expectRejection(access.find());
      expect(error).to.have.property('code', 'ERR_GUEST_STUB_UNREACHABLE');
      expect(error.message).to.equal(
        `the GDB stub at ${machine.gdbEndpoint} is not that of the guest that was named: QEMU behind ${machine.qmpEndpoint} has no GDB stub. Nothing was touched. Name that guest's own stub, or leave --gdb out: then it is found, or one is started`,
      );
      expect(() => access.endpoint).to.throw();
    });

    it('is refused where it serves a client', async () => {
      await open({ named: 'STUB' });
      const debug = await connect(machine.gdbEndpoint, { timeoutMs: 2000 });
      await eventually('it is served', () => machine.debugged.includes('open'), { betweenMs: 1 });
      expect(await expectRejection(access.find())).to.have.property('code', 'ERR_GUEST_STUB_BUSY');
      await debug.close();
    });

    it('by another way than its own is waited for', async () => {
      await open();
      symlinkSync(machine.gdbEndpoint.slice('unix:'.length), machines.file('link'));
      const named = `unix:${machines.file('link')}`;
      const debug = await connect(machine.gdbEndpoint, { timeoutMs: 2000 });
      await eventually('it is served', () => machine.debugged.includes('open'), { betweenMs: 1 });
      const monitor = qmpMonitor(qmp);
      const parts = { qmp, qmpEndpoint: machine.qmpEndpoint, named, monitor, peer: UNKNOWN, safekeeping };
      const waiting = new StubAccess(parts);
      const found = waiting.find();
      await eventually('it was asked', () => machine.asked.length >= 2, { betweenMs: 1 });
      expect(() => waiting.endpoint).to.throw();
      await debug.close();
      await found;
      expect(waiting.endpoint).to.equal(named);
      expect(waiting.toLeave).to.deep.equal({ stub: named });
    });
  });

  describe('that QEMU names', () => {
    it('is taken where QEMU’s own process listens', async () => {
      const log = await openWithCarrier({}, false);
      await access.find();
      expect(facts()).to.deep.equal({
        endpoint: machine.gdbEndpoint,
        isProven: true,
        mayBeForeign: false,
        isOfOurs: false,
        hasMade: false,
        toLeave: { stub: machine.gdbEndpoint, stubFile: identityOf(machine.gdbEndpoint) },
      });
      expect([machine.takeAsked(), log]).to.deep.equal([['query-chardev'], []]);
    });

    it('is taken where it is at least of the user whose the monitor is, and QEMU is out of sight', async () => {
      await open({ peer: UNKNOWN });
      await access.find();
      expect(facts()).to.deep.include({
        endpoint: machine.gdbEndpoint,
        isProven: false,
        mayBeForeign: false,
        toLeave: { stub: machine.gdbEndpoint, stubFile: identityOf(machine.gdbEndpoint) },
      });
    });

    it('is looked for something to hand a file over, where the two share no folders', async () => {
      const log = await openWithCarrier({ peer: UNKNOWN }, false);
      await access.find();
      expect(log).to.deep.equal(['prepare']);
      expect(machine.takeAsked().map((command) => command.split(' ')[0])).to.deep.equal([
        ...['query-chardev', 'getfd', 'chardev-add'],
      ]);
      expect(facts()).to.deep.include({ endpoint: machine.gdbEndpoint, isOfOurs: false, hasMade: true });
      await access.takeBackHanded();
    });

    for (const [what, peer, unproven, isSocket] of [
      ['nothing is known of QEMU nor whose its monitor is', UNKNOWN, { code: 'not-linux' }, false],
      [
        'QEMU’s own process does not listen there',
        { ...ourselves(), pid: 1 },
        { code: 'does-not-listen', pid: 1 },
        true,
      ],
      ['QEMU is on another host', REMOTE, { code: 'does-not-listen', pid: 77 }, false],
    ] as const) {
      it(`is not connected to where ${what}`, async () => {
        await open({
          peer,
          ...(isSocket ? {} : { connection: { socket: undefined } as unknown as Partial<Connection> }),
        });
        const error = await expectRejection(access.find());
        expect(error).to.deep.include({
          code: 'ERR_GUEST_STUB_UNREACHABLE',
          stub: machine.gdbEndpoint,
          unproven,
        });
        expect(error.message).to.equal(
          `QEMU behind ${machine.qmpEndpoint} names "${machine.gdbEndpoint}" as its GDB stub, and that is not proven to be its own; if it is, pass it with --gdb`,
        );
      });
    }

    it('is taken as it is where QEMU is elsewhere', async () => {
      const chardev = { label: 'gdb', filename: 'disconnected:tcp:0.0.0.0:1234,server=on', 'frontend-open': true };
      const monitor = (command: string): unknown => (command === 'query-chardev' ? [chardev] : undefined);
      await open({ qmpEndpoint: 'tcp:lab:4444', peer: UNKNOWN, machine: { monitor } });
      await access.find();
      expect(facts()).to.deep.include({ endpoint: 'tcp:lab:1234', isProven: false, toLeave: { stub: 'tcp:lab:1234' } });
    });
  });

  describe('that is started', () => {
    const NONE = { machine: { hasNoStub: true } };
    const isOwnStub = (command: string): boolean => command.startsWith('hmp gdbserver "');
    /** Where the folder is in which QEMU was told to listen, for each time. */
    const told = (): readonly string[] =>
      machine
        .takeAsked()
        .filter(isOwnStub)
        .map(
          (command) => /^hmp gdbserver "unix:(.*)\/pagewalk-[\w-]{8}\/[\w-]{8}\/gdb,server/.exec(command)?.[1] ?? '',
        );

    it('is in a folder of ours, which the journal knows before it is there', async () => {
      const known: unknown[] = [];
      const folders: unknown[] = [];
      const monitor = (command: string): undefined => {
        if (!isOwnStub(command)) return;
        known.push(...machines.holdJournal().takePlans());
        folders.push(...readdirSync(tmpdir()));
      };
      await open({ keepsJournal: true, machine: { hasNoStub: true, monitor } });
      await access.find();
      expect(folders).to.have.length(1);
      const directory = { path: `${tmpdir()}/${folders[0]}`, room: readdirSync(`${tmpdir()}/${folders[0]}`)[0] };
      expect(known).to.deep.equal([{}, { directory }, { directory, ownStub: true }]);
      const endpoint = `unix:${directory.path}/${directory.room}/gdb`;
      expect(facts()).to.deep.equal({
        endpoint,
        isProven: true,
        mayBeForeign: false,
        isOfOurs: true,
        hasMade: true,
        toLeave: { stub: endpoint },
      });
      const way = await access.connect?.(2000);
      await way?.close();
      machine.takeAsked();
      await access.remove();
      expect(machine.takeAsked()).to.deep.equal(['query-chardev', 'hmp gdbserver none']);
      access.removeDirectory();
      expect(readdirSync(tmpdir())).to.deep.equal([]);
    });

    it('is beside the monitor’s socket where QEMU cannot use our folder', async () => {
      let count = 0;
      const monitor = (command: string): unknown => {
        if (!isOwnStub(command)) return undefined;
        count += 1;
        return count === 1 ? 'Failed to bind socket\r\n' : undefined;
      };
      await open({ machine: { hasNoStub: true, monitor } });
      await access.find();
      expect(told()).to.deep.equal([tmpdir(), machines.file('.')]);
      expect(readdirSync(tmpdir()), 'nothing is left of the first').to.deep.equal([]);
      access.removeDirectory();
    });

    it('is none where nothing works, and all that was tried is told', async () => {
      const monitor = (command: string): unknown => (isOwnStub(command) ? 'No room\r\n' : undefined);
      await open({ machine: { hasNoStub: true, monitor } });
      const error = await expectRejection(access.find());
      expect(error).to.include({ code: 'ERR_GUEST_STUB_START', stub: '' });
      const beside = machines.file('.');
      expect(error.message).to.equal(
        `QEMU behind ${machine.qmpEndpoint} has no GDB stub, and would not start one. Tried: in ${tmpdir()} (QEMU: No room); in ${beside} (QEMU: No room). What helps: python3, which hands QEMU a connection; TMPDIR set to a folder where QEMU may make a socket and this program may use it; or start one by hand ("gdbserver tcp:127.0.0.1:1234" in its monitor) and pass --gdb`,
      );
      expect(told()).to.deep.equal([tmpdir(), beside]);
      expect(readdirSync(tmpdir())).to.deep.equal([]);
      expect(access.hasMade).to.equal(false);
    });

    it('fails with the monitor where that is gone, and tries no further', async () => {
      let gone: FakeQemu | undefined;
      const monitor = (command: string, asked: FakeQemu): undefined => {
        if (!isOwnStub(command)) return;
        gone = asked;
        asked.dropMonitors();
      };
      await open({ machine: { hasNoStub: true, monitor } });
      expect(await expectRejection(access.find())).to.have.property('code', 'ERR_QMP_CLOSED');
      expect(gone).to.equal(machine);
      expect(told()).to.have.length(1);
      access.removeDirectory();
    });

    it('is handed over first where the two are not seen to share a folder', async () => {
      const log = await openWithCarrier(
        { ...NONE, machine: { hasNoStub: true, monitor: takesAll }, peer: UNKNOWN },
        false,
      );
      await access.find();
      expect(log).to.deep.equal(['prepare']);
      expect(facts()).to.deep.equal({
        endpoint: 'the stub that was handed over',
        isProven: true,
        mayBeForeign: false,
        isOfOurs: true,
        hasMade: true,
        toLeave: { handedStub: true },
      });
      expect(access.peer, 'who holds the other end').to.deep.equal({ kind: 'remote', process: { pid: 99 } });
      machine.takeAsked();
      await access.awaitTurn();
      expect(machine.takeAsked(), 'it has no other client').to.deep.equal([]);
      expect((await access.connect?.(2000))?.endpoint).to.equal('the stub that was handed over');
      expect(machine.takeAsked().map((command) => command.replace(/pagewalk-\w+/, 'ID'))).to.deep.equal([
        'hmp gdbserver chardev:ID',
      ]);
      await access.takeBackHanded();
    });

    it('is what was handed over when the link was opened', async () => {
      const log = await openWithCarrier({ machine: { hasNoStub: true, monitor: takesAll } });
      await access.handOver();
      machine.takeAsked();
      await access.find();
      expect(machine.takeAsked()).to.deep.equal(['query-chardev']);
      expect(facts()).to.deep.include({ endpoint: 'the stub that was handed over', isOfOurs: true });
      expect(log).to.deep.equal([]);
      await access.takeBackHanded();
    });

    it('is in a folder after all where nothing can be handed over', async () => {
      const prepareCarrier = (): Promise<void> => Promise.reject(new Error('there is no python3'));
      await open({ ...NONE, peer: UNKNOWN, connection: { prepareCarrier } });
      await access.find();
      expect(told()).to.deep.equal([tmpdir()]);
      expect(facts()).to.deep.include({ isProven: true, isOfOurs: true });
      await access.remove();
      access.removeDirectory();
    });

    it('is none where neither works, in the order in which it was tried', async () => {
      const prepareCarrier = (): Promise<void> => Promise.reject(new Error('there is no python3'));
      const monitor = (command: string): unknown => (isOwnStub(command) ? 'No room\r\n' : undefined);
      await open({ machine: { hasNoStub: true, monitor }, peer: UNKNOWN, connection: { prepareCarrier } });
      const beside = machines.file('.');
      expect((await expectRejection(access.find())).message).to.include(
        `. Tried: handed over as a descriptor (there is no python3); in ${tmpdir()} (QEMU: No room); in ${beside} (QEMU: No room). What`,
      );
    });

    it('tells what a folder is wrong with before anything is made in it', async () => {
      env['TMPDIR'] = machines.file('x'.repeat(90));
      await open(NONE);
      await access.find();
      expect(told()).to.have.length(1);
      expect(access.endpoint).to.include(machines.file('pagewalk-'));
      access.removeDirectory();
    });

    for (const [qmpEndpoint, helps] of [
      [
        'tcp:lab:4444',
        "a helper there (--host 'ssh lab', and the endpoint as that host names it), which gives QEMU a connection; or ",
      ],
      [
        'tls:lab:4444',
        "a helper there (--host 'ssh lab', and the endpoint as that host names it), which gives QEMU a connection; or ",
      ],
      ['exec:ssh lab cat', "a helper there (add --host 'ssh lab'), which gives QEMU a connection; or "],
      ['libvirt:qemu+ssh://lab/system/vm', ''],
      [
        'host:[ssh lab]tcp::4444',
        "a helper that runs as QEMU's user or as root, and has a folder in common with it (--host 'ssh lab env TMPDIR=DIR'); a monitor on a unix socket of that host (--qmp unix:PATH), over which QEMU is handed a connection; or ",
      ],
    ] as const) {
      it(`is none on another host without help there: ${qmpEndpoint}`, async () => {
        await open({ ...NONE, peer: UNKNOWN, qmpEndpoint });
        const error = await expectRejection(access.find());
        expect(error).to.include({ code: 'ERR_GUEST_STUB_UNREACHABLE', stub: '' });
        expect(error.message).to.equal(
          `QEMU behind ${machine.qmpEndpoint} has no GDB stub and is not on this host. What helps: ${helps}start one by hand ("gdbserver tcp:127.0.0.1:1234" in its monitor) and pass --gdb`,
        );
        expect(machine.takeAsked()).to.deep.equal(['query-chardev']);
      });
    }

    for (const [qmpEndpoint, how] of [
      ['host:[ssh lab]unix:/run/vm.qmp', 'handed over as a descriptor'],
      ['host:[ssh lab]tcp::4444', 'by a socket of the helper there'],
      ['libvirt:qemu+ssh://lab/system/vm', 'handed over as a descriptor'],
    ] as const) {
      it(`is told of by how it was tried to hand it over: ${qmpEndpoint}`, async () => {
        const prepareCarrier = (): Promise<void> => Promise.reject(new Error('it ended'));
        await open({ ...NONE, peer: UNKNOWN, qmpEndpoint, connection: { prepareCarrier } });
        const { message } = await expectRejection(access.find());
        expect(message).to.include(`is not on this host. Tried: ${how} (it ended). What helps`);
      });
    }
  });

  describe('what is handed over', () => {
    it('is known to the journal first, and taken back', async () => {
      const log = await openWithCarrier({ keepsJournal: true, peer: UNKNOWN });
      await access.handOver();
      const asked = machine.takeAsked();
      const id = /^getfd (pagewalk-[0-9a-f]{8})$/.exec(asked[0] ?? '')?.[1] ?? '';
      expect(asked).to.deep.equal([
        `getfd ${id}`,
        `chardev-add ${id} ${JSON.stringify({ type: 'socket', data: { addr: { type: 'fd', data: { str: id } }, server: false } })}`,
      ]);
      expect(machines.holdJournal().takePlans()).to.deep.equal([{ handed: id }]);
      expect(access.peer).to.deep.equal({ kind: 'remote', process: { pid: 99 } });
      expect([access.hasMade, access.isOfOurs]).to.deep.equal([true, false]);
      await access.handOver();
      expect(machine.takeAsked(), 'once').to.deep.equal([]);
      await access.takeBackHanded();
      expect(machine.takeAsked()).to.deep.equal([`chardev-remove ${id}`, `closefd ${id}`]);
      expect(log).to.deep.equal(['close stream']);
    });

    it('does not change who is known to be there', async () => {
      await openWithCarrier({});
      await access.handOver();
      expect(access.peer).to.deep.equal(ourselves());
      await access.takeBackHanded();
    });

    it('is nothing where QEMU refuses, and that is no failure', async () => {
      const refuses = (command: string): unknown =>
        command.startsWith('getfd') ? new Refusal('no') : takesAll(command);
      await openWithCarrier({ machine: { monitor: refuses }, peer: UNKNOWN });
      await access.handOver();
      expect([access.hasMade, access.peer]).to.deep.equal([false, UNKNOWN]);
      machine.takeAsked();
      await access.takeBackHanded();
      expect(machine.takeAsked()).to.deep.equal([]);
    });

    it('fails with the monitor', async () => {
      const drops = (command: string, asked: FakeQemu): unknown =>
        command.startsWith('getfd') ? asked.dropMonitors() : takesAll(command);
      await openWithCarrier({ machine: { monitor: drops }, peer: UNKNOWN });
      expect(await expectRejection(access.handOver())).to.have.property('code', 'ERR_QMP_CLOSED');
    });
  });

  describe('the file of the device state', () => {
    it('is handed over where a stub was, once', async () => {
      let id = '';
      const monitor = (command: string): unknown => {
        if (command.startsWith('getfd')) id = command.slice('getfd '.length);
        return command === 'query-fdsets'
          ? [
              { 'fdset-id': 2, fds: [{ opaque: 'another' }] },
              { 'fdset-id': 3, fds: [{}, { opaque: id }] },
            ]
          : takesAll(command);
      };
      const log = await openWithCarrier({ machine: { monitor } });
      await access.handOver();
      machine.takeAsked();
      const file = await access.deviceStateFile();
      expect(file.path).to.equal('/dev/fdset/3');
      expect(String(await file.read())).to.equal('state');
      await file.discard();
      expect((await access.deviceStateFile()).path).to.equal('/dev/fdset/3');
      expect(machine.takeAsked()).to.deep.equal([`add-fd ${id}`]);
      expect(log).to.deep.equal([`take ${256 * 1024 * 1024}`]);
      await access.takeBackHanded();
      expect(machine.takeAsked().slice(-2)).to.deep.equal(['query-fdsets', 'remove-fd 3']);
      expect(log.slice(1)).to.deep.equal(['close stream', 'close file']);
    });

    it('is in a folder of ours else, of which the journal knows', async () => {
      await open({ keepsJournal: true });
      await safekeeping.arm({});
      const journal = machines.holdJournal();
      journal.takePlans();
      const file = await access.deviceStateFile();
      const [folder = ''] = readdirSync(tmpdir());
      const [room = ''] = readdirSync(`${tmpdir()}/${folder}`);
      expect(journal.takePlans()).to.deep.equal([{ directory: { path: `${tmpdir()}/${folder}`, room } }]);
      expect(file.path).to.equal(`${tmpdir()}/${folder}/${room}/device-state`);
      writeFileSync(file.path, 'state');
      expect(String(await file.read())).to.equal('state');
      await file.discard();
      expect(existsSync(file.path)).to.equal(false);
      expect((await access.deviceStateFile()).path, 'the same folder').to.equal(file.path);
      access.removeDirectory();
      expect(readdirSync(tmpdir())).to.deep.equal([]);
    });

    it('is in the folder that was looked for before the pause', async () => {
      await open();
      access.planFolder();
      expect(readdirSync(tmpdir()), 'nothing is made yet').to.deep.equal([]);
      const planned = tmpdir();
      env['TMPDIR'] = machines.file('other');
      access.planFolder();
      const file = await access.deviceStateFile();
      expect(file.path).to.match(new RegExp(`^${planned}/pagewalk-`));
      access.removeDirectory();
      env['TMPDIR'] = planned;
    });

    it('is told of where there is no such folder only when it is asked for', async () => {
      const kept = env['TMPDIR'];
      env['TMPDIR'] = machines.file('x'.repeat(90));
      await open();
      access.planFolder();
      expect(await expectRejection(access.deviceStateFile())).to.have.property('code', 'ERR_GUEST_USAGE');
      env['TMPDIR'] = kept;
    });

    it('is nowhere behind a helper that can hand nothing over', async () => {
      const prepareCarrier = (): Promise<void> => Promise.reject(new Error('it ended'));
      const qmpEndpoint = 'host:[ssh lab]unix:/run/vm.qmp';
      await open({ machine: { hasNoStub: true }, peer: UNKNOWN, qmpEndpoint, connection: { prepareCarrier } });
      await expectRejection(access.find());
      expect((await expectRejection(access.deviceStateFile())).message).to.equal('it ended');
    });
  });

  describe('how it is connected to', () => {
    const chardev = { label: 'gdb', filename: 'disconnected:tcp:127.0.0.1:1234,server=on', 'frontend-open': true };
    const monitor = (command: string): unknown =>
      command === 'query-chardev' ? [chardev, { label: '#c', filename: 'gdb', 'frontend-open': true }] : undefined;

    async function openOnHost(way: Way): Promise<readonly unknown[]> {
      const asked: unknown[] = [];
      const host: RemoteHost = {
        connect: (target, options) => {
          asked.push(target, options);
          return Promise.resolve(connection);
        },
      };
      await open({ qmpEndpoint: 'host:[ssh lab]unix:/run/vm.qmp', machine: { monitor }, ...way, connection: { host } });
      await access.find();
      expect(await access.connect?.(1234).catch(() => 'not so')).to.equal(asked.length > 0 ? connection : 'not so');
      return asked;
    }

    it('is by the helper that is there, and QEMU must be what listens', async () => {
      const target = { kind: 'tcp', host: '127.0.0.1', port: 1234 };
      expect(await openOnHost({ peer: REMOTE })).to.deep.equal([target, { timeoutMs: 1234, holder: 77 }]);
      expect(access.endpoint).to.equal('host:[ssh lab]tcp:127.0.0.1:1234');
    });

    it('is to no process at all where QEMU is not known', async () => {
      const asked = await openOnHost({ peer: UNKNOWN });
      expect(asked[1]).to.deep.equal({ timeoutMs: 1234, holder: 0 });
    });

    it('is to who it may be where the user names it', async () => {
      const asked = await openOnHost({ peer: REMOTE, named: 'host:[ssh lab]unix:/run/a.gdb' });
      expect(asked).to.deep.equal([
        { kind: 'unix', path: '/run/a.gdb' },
        { timeoutMs: 1234, holder: undefined },
      ]);
    });

    it('is by another helper where another one is named', async () => {
      expect(await openOnHost({ peer: REMOTE, named: 'host:[exit 1]unix:/run/a.gdb' })).to.deep.equal([]);
    });
  });

  it('is waited for until it is free, and no longer than that', async () => {
    await open({ peer: UNKNOWN });
    await access.find();
    machine.takeAsked();
    await access.awaitTurn();
    expect(machine.takeAsked()).to.deep.equal(['query-chardev']);
    const debug = await connect(machine.gdbEndpoint, { timeoutMs: 2000 });
    await eventually('it is served', () => machine.debugged.includes('open'), { betweenMs: 1 });
    const { hrtime } = process;
    const [now] = hrtime();
    let looks = 0;
    // A clock that has gone on by so much at each look.
    process.hrtime = Object.assign((): [number, number] => [now + looks++, 0], { bigint: hrtime.bigint });
    const error = await expectRejection(access.awaitTurn()).finally(() => {
      process.hrtime = hrtime;
    });
    expect(error).to.include({ code: 'ERR_GUEST_STUB_BUSY', stub: machine.gdbEndpoint });
    expect(error.message).to.equal(
      `the GDB stub at ${machine.gdbEndpoint} serves a client, the one before or another, which it did not leave within 1500 ms; its physical mode may still be on`,
    );
    expect(STUB_TURN_MS).to.equal(1500);
    expect(machine.takeAsked(), 'after one second, and after two').to.deep.equal(['query-chardev', 'query-chardev']);
    await debug.close();
  });
});
