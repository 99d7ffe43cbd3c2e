import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { expect } from 'chai';
import { QmpClient } from '../../../../protocols/qmp/index.ts';
import { type Connection, type DescriptorCarrier, identifySocket } from '../../../../protocols/transport/internal.ts';
import { PrivateDirectory } from '../../../../src/guest/restore/private-directory.ts';
import { type PutBack, putBack } from '../../../../src/guest/restore/put-back.ts';
import { printRegisters } from '../../../../src/guest/restore/register-prints.ts';
import type { RestorePlan } from '../../../../src/guest/restore/restore-plan.ts';
import { expectRejection } from '../../../support/expect-rejection.ts';
import { FakeGdbStub } from '../../../support/fakes/fake-gdb-stub.ts';
import { FakeQmpServer, GREETING } from '../../../support/fakes/fake-qmp-server.ts';
import { FakeQemu, HANG_UP, Refusal } from '../../../support/fakes/machine/fake-qemu.ts';
import { useWatchedTimers } from '../../../support/fakes/machine/watched-timers.ts';
import { FakeClock } from '../../../support/host/fake-clock.ts';

/** Longer than what a stub gets, so that the two can be told apart. */
const QMP_TIMEOUT_MS = 7000;
/** It is looked whether it is off. */
const MODE_OFF = ['Qqemu.PhyMemMode:0', 'qqemu.PhyMemMode'];
const RESUME = ['query-status', 'cont'];

describe('putting a guest back', () => {
  let folder: string;
  let qemu: FakeQemu;
  let qmp: QmpClient;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'pagewalk-'));
    qemu = await FakeQemu.start({ path: join(folder, 'vm'), status: 'paused' });
    qemu.registers = 'CPU#0\nRAX=1\n\nCPU#1\nRAX=2\n';
    qmp = await QmpClient.connect(qemu.qmpEndpoint, { requestTimeoutMs: QMP_TIMEOUT_MS });
  });

  afterEach(async () => {
    await qmp.close();
    await qemu.close();
    rmSync(folder, { recursive: true });
  });

  const put = (plan: RestorePlan, resumeUnrecorded = true): Promise<PutBack> =>
    putBack(qmp, plan, { resumeUnrecorded });

  /** What is told where there is nothing to be told. */
  const told = (more: Partial<PutBack>): PutBack => ({
    ...{ resumption: 'not-asked', foundState: 'paused', physicalModeOff: null, stubRemoved: null },
    ...{ isStubBusy: false, late: undefined, left: {} },
    ...more,
  });

  describe('that was paused by its monitor alone', () => {
    it('leaves one alone that was not paused, or runs', async () => {
      expect(await put({})).to.deep.equal(told({}));
      qemu.status = 'running';
      expect(await put({})).to.deep.equal(told({ foundState: 'running' }));
      expect(await put({ resume: false })).to.deep.equal(told({ foundState: 'running' }));
      expect(await put({ resume: true })).to.deep.equal(told({ resumption: 'runs', foundState: 'running' }));
      expect(qemu.asked).to.deep.equal(Array(4).fill('query-status'));
    });

    it('resumes it where it has been there ever since', async () => {
      expect(await put({ resume: true })).to.deep.equal(told({ resumption: 'resumed' }));
      expect(qemu.asked).to.deep.equal(['query-status', ...RESUME]);
      expect(qemu.status).to.equal('running');
    });

    it('resumes one that was reset meanwhile only where it has been there ever since', async () => {
      qemu.status = 'prelaunch';
      expect(await put({ resume: true }, false)).to.deep.equal(
        told({ resumption: 'other-state', foundState: 'prelaunch' }),
      );
      expect(await put({ resume: true, registers: { 0: 'other' } })).to.deep.equal(
        told({ resumption: 'resumed', foundState: 'prelaunch' }),
      );
      expect(qemu.asked).to.deep.equal(['query-status', 'query-status', ...RESUME]);
    });

    it('leaves one in any other state as it is', async () => {
      for (const state of ['postmigrate', 'io-error', 'shutdown']) {
        qemu.status = state;
        for (const isThere of [true, false]) {
          expect(await put({ resume: true }, isThere)).to.deep.equal(
            told({ resumption: 'other-state', foundState: state }),
          );
        }
      }
      expect(qemu.asked).to.deep.equal(Array(6).fill('query-status'));
    });

    it('resumes one by its registers, and none that has run since or may have', async () => {
      expect(await put({ resume: true }, false), 'nothing is recorded').to.deep.equal(told({ resumption: 'unknown' }));
      const registers = printRegisters(qemu.registers);
      expect(await put({ resume: true, registers: { ...registers, 1: 'other' } })).to.deep.equal(
        told({ resumption: 'paused-since' }),
      );
      expect(await put({ resume: true, registers }, false)).to.deep.equal(told({ resumption: 'resumed' }));
      const look = ['query-status', 'hmp info registers -a'];
      expect(qemu.asked).to.deep.equal(['query-status', ...look, ...look, ...RESUME]);
    });

    it('says so when it has strayed in the moment of its resumption', async () => {
      let looks = 0;
      qemu.onCommand = (command) => {
        if (command === 'query-status') looks += 1;
        if (looks === 2) qemu.status = 'postmigrate';
        return undefined;
      };
      expect(await put({ resume: true })).to.deep.equal(told({ resumption: 'other-state', foundState: 'postmigrate' }));
      expect(qemu.asked).to.deep.equal(['query-status', ...RESUME, 'stop', 'blockdev-set-active false']);
    });

    it('says so when QEMU refuses, and leaves nothing to try again', async () => {
      qemu.onCommand = (command) => (command === 'cont' ? new Refusal('no') : undefined);
      expect(await put({ resume: true })).to.deep.equal(told({ resumption: 'failed' }));
    });

    it('leaves what QEMU may not have heard of to be tried again', async () => {
      qemu.onCommand = (command) => (command === 'cont' ? HANG_UP : undefined);
      const plan: RestorePlan = { resume: true, registers: printRegisters(qemu.registers) };
      expect(await put({ ...plan, ungreeted: true })).to.deep.equal(told({ resumption: 'failed', left: plan }));
    });

    it('leaves with that how the guest is reached, and nothing of the stub', async () => {
      qemu.onCommand = (command) => (command === 'cont' ? HANG_UP : undefined);
      const directory = { path: join(folder, 'pagewalk-x'), room: 'room' };
      PrivateDirectory.make(directory, undefined);
      const reach: RestorePlan = {
        qmp: qemu.qmpEndpoint,
        qmpFile: '1:2',
        journal: '/run/pagewalk/a.journal',
        resume: true,
      };
      expect(await put({ ...reach, directory, late: undefined })).to.deep.equal(
        told({ resumption: 'failed', left: reach }),
      );
      expect(existsSync(directory.path)).to.equal(false);
    });

    it('is not done where the run state is not told', async () => {
      qemu.onCommand = () => new Refusal('no');
      expect(await expectRejection(put({ resume: true }))).to.have.property('code', 'ERR_QMP_COMMAND');
      expect(qemu.asked).to.deep.equal(['query-status']);
    });
  });

  describe('whose stub was used', () => {
    const timers = useWatchedTimers();
    const FREE_LOOK = 'query-chardev';

    it('has its mode turned off, and is resumed then', async () => {
      const plan: RestorePlan = { stub: qemu.gdbEndpoint, resume: true };
      const isHeld: boolean[] = [];
      qemu.onCommand = () => {
        isHeld.push(qemu.hasDebugger);
        return undefined;
      };
      expect(await put(plan)).to.deep.equal(told({ resumption: 'resumed', physicalModeOff: true }));
      expect(qemu.asked).to.deep.equal(['query-status', FREE_LOOK, 'stop', ...RESUME]);
      expect(qemu.requests).to.deep.equal(MODE_OFF);
      expect(qemu.connections.stub).to.equal(1);
      expect(isHeld, 'it is free before the guest runs').to.deep.equal(Array(5).fill(false));
    });

    it('runs on where it ran, and stays paused where it was paused before', async () => {
      expect(await put({ stub: qemu.gdbEndpoint })).to.deep.equal(told({ physicalModeOff: true }));
      expect(qemu.asked).to.deep.equal(['query-status', FREE_LOOK, 'stop']);
      qemu.status = 'running';
      expect(await put({ stub: qemu.gdbEndpoint, resume: true })).to.deep.equal(
        told({ resumption: 'runs', foundState: 'running', physicalModeOff: true }),
      );
      expect(qemu.asked.slice(3)).to.deep.equal(['query-status', FREE_LOOK, 'stop', ...RESUME]);
      expect(qemu.status).to.equal('running');
    });

    it('is left to the client that the stub serves now, at once or after a second', async () => {
      qemu.isStubBusy = true;
      const plan: RestorePlan = {
        ...{
          qmp: qemu.qmpEndpoint,
          qmpFile: '1:2',
          journal: '/a.journal',
          stub: qemu.gdbEndpoint,
          stubFile: '1:3',
          ownStub: false,
        },
        ...{ handedStub: false, directory: { path: join(folder, 'pagewalk-x'), room: 'room' } },
      };
      expect(await put({ ...plan, resume: false, registers: {} })).to.deep.equal(
        told({ physicalModeOff: false, isStubBusy: true, left: plan }),
      );
      expect(qemu.asked).to.deep.equal(['query-status', FREE_LOOK]);
      qemu.asked.length = 0;
      using clock = new FakeClock();
      qemu.onCommand = (command) => {
        if (command === FREE_LOOK) clock.now += 500;
        return undefined;
      };
      expect(await put({ ...plan, resume: true })).to.deep.equal(
        told({ resumption: 'resumed', physicalModeOff: false, isStubBusy: true, left: plan }),
      );
      expect(qemu.asked, 'and resumed all the same').to.deep.equal([
        'query-status',
        ...[FREE_LOOK, FREE_LOOK],
        ...RESUME,
      ]);
      expect(qemu.connections.stub).to.equal(0);
    });

    it('is tried again where the stub ends the connection', async () => {
      qemu.isStubBroken = true;
      const plan: RestorePlan = { stub: qemu.gdbEndpoint, stubFile: identifySocket(join(folder, 'vm.gdb')).identity };
      expect(await put({ ...plan, resume: true, registers: printRegisters(qemu.registers) })).to.deep.equal(
        told({ resumption: 'resumed', physicalModeOff: false, left: { ...plan, resume: true } }),
      );
      expect(await put(plan), 'it runs').to.deep.equal(
        told({ foundState: 'running', physicalModeOff: false, left: { ...plan, resume: true } }),
      );
      qemu.status = 'paused';
      expect(await put(plan), 'it was paused before').to.deep.equal(told({ physicalModeOff: false, left: plan }));
    });

    it('is tried again where something else lies at its path', async () => {
      const plan: RestorePlan = { stub: qemu.gdbEndpoint, stubFile: '0:0' };
      expect(await put(plan)).to.deep.equal(told({ physicalModeOff: false, left: plan }));
      expect(qemu.connections.stub).to.equal(0);
    });

    for (const [what, isServed] of [
      ['while it serves no one', false],
      ['while it serves another client', true],
    ] as const) {
      it(`is known to pause the guest later where the stub does not answer ${what}`, async () => {
        qemu.isStubHeld = true;
        timers.hold(1000);
        using clock = new FakeClock();
        let looked: () => void = () => {};
        const hasLooked = new Promise<void>((resolve) => {
          looked = resolve;
        });
        qemu.onCommand = (command) => {
          if (command === FREE_LOOK && qemu.connections.stub > 0) {
            qemu.isStubBusy = isServed;
            looked();
          }
          return undefined;
        };
        const plan: RestorePlan = { stub: qemu.gdbEndpoint, resume: true, registers: printRegisters(qemu.registers) };
        const putting = put(plan);
        await hasLooked;
        // The answer to the look comes in.
        for (let turns = 0; turns < 10; turns += 1) await turn();
        clock.now += 5000;
        timers.fire(5000);
        expect(await putting).to.deep.equal(
          told({
            resumption: 'resumed',
            physicalModeOff: false,
            late: { stub: qemu.gdbEndpoint, count: 1, wasServed: isServed },
            left: { stub: qemu.gdbEndpoint, resume: true },
          }),
        );
      });
    }
  });

  describe('that has a stub of the client’s own', () => {
    it('has it taken away, with its directory', async () => {
      const directory = { path: join(folder, 'pagewalk-x'), room: 'room' };
      PrivateDirectory.make(directory, undefined);
      qemu.endStub();
      const filename = `disconnected:unix:${directory.path}/room/gdb,server=on`;
      qemu.devices = [
        ['serial', 'pty'],
        ['gdb', filename],
      ];
      expect(await put({ ownStub: true, directory })).to.deep.equal(told({ stubRemoved: true }));
      expect(qemu.asked).to.deep.equal(['query-status', 'query-chardev', 'hmp gdbserver none']);
      expect(existsSync(directory.path)).to.equal(false);
      qemu.devices = [['gdb', `disconnected:unix:/there/room/gdb,server=on`]];
      expect(await put({ ownStub: true, directory: { ...directory, inQemu: '/there' } })).to.deep.equal(
        told({ stubRemoved: true }),
      );
      expect(qemu.asked.slice(3)).to.deep.equal(['query-status', 'query-chardev', 'hmp gdbserver none']);
    });

    it('keeps the stub that another has put in its place', async () => {
      const directory = { path: '/tmp/pagewalk-x', room: 'room' };
      qemu.endStub();
      for (const devices of [
        [],
        [['gdb', 'disconnected:unix:/tmp/pagewalk-xy/gdb,server=on']],
        [['gdb', 'disconnected:tcp:127.0.0.1:1234,server=on']],
        [['gdb', 'pty:/dev/pts/1']],
        [['gdb0', 'disconnected:unix:/tmp/pagewalk-x/room/gdb,server=on']],
      ] as const) {
        qemu.devices = [...devices];
        expect(await put({ ownStub: true, directory })).to.deep.equal(told({ stubRemoved: true }));
      }
      qemu.devices = [['gdb', 'disconnected:unix:/tmp/pagewalk-x/room/gdb,server=on']];
      expect(await put({ ownStub: true }), 'without a directory').to.deep.equal(told({ stubRemoved: true }));
      expect(qemu.asked).to.not.include('hmp gdbserver none');
    });

    it('has no mode to be turned off where that stub is gone', async () => {
      qemu.endStub();
      expect(
        await put({ ownStub: true, stub: qemu.gdbEndpoint, directory: { path: folder, room: 'room' }, resume: true }),
      ).to.deep.equal(told({ resumption: 'resumed', physicalModeOff: true, stubRemoved: true }));
      expect(qemu.asked).to.deep.equal(['query-status', 'query-chardev', ...RESUME, 'query-chardev']);
      expect(qemu.connections.stub).to.equal(0);
    });

    it('has its mode turned off where that stub is there', async () => {
      const directory = { path: folder, room: '.' };
      qemu.endStub();
      await qemu.startStub(join(folder, 'gdb'));
      expect(await put({ ownStub: true, stub: `unix:${folder}/./gdb`, directory })).to.deep.include({
        physicalModeOff: true,
        stubRemoved: true,
      });
      expect(qemu.requests).to.deep.equal(MODE_OFF);
      expect(qemu.asked.at(-1)).to.equal('hmp gdbserver none');
    });

    it('keeps it while it serves another client, and is tried again', async () => {
      qemu.isStubBusy = true;
      const plan: RestorePlan = { ownStub: true, stub: qemu.gdbEndpoint, directory: { path: folder, room: 'room' } };
      expect(await put(plan)).to.deep.equal(
        told({ physicalModeOff: false, stubRemoved: false, isStubBusy: true, left: plan }),
      );
      expect(qemu.asked).to.deep.equal(['query-status', 'query-chardev', 'query-chardev']);
    });

    it('is tried again where QEMU does not answer', async () => {
      const directory = { path: folder, room: 'room' };
      qemu.onCommand = (command) => (command === 'hmp gdbserver none' ? HANG_UP : undefined);
      const plan: RestorePlan = { qmp: qemu.qmpEndpoint, ownStub: true, directory };
      expect(await put({ ...plan, handedStub: false })).to.deep.equal(told({ stubRemoved: false, left: plan }));
      expect(existsSync(folder)).to.equal(true);
    });

    it('is not tried again where QEMU refuses', async () => {
      qemu.onCommand = (command) => (command === 'hmp gdbserver none' ? new Refusal('no') : undefined);
      const plan: RestorePlan = { ownStub: true, directory: { path: folder, room: 'room' } };
      expect(await put(plan)).to.deep.equal(told({ stubRemoved: false }));
    });
  });

  describe('that was handed a device', () => {
    const id = 'pagewalk-01234567';

    it('has it taken away, and files of its name', async () => {
      qemu.onCommand = (command) =>
        command === 'query-fdsets'
          ? [
              { 'fdset-id': 3, fds: [{ opaque: id }, {}] },
              { 'fdset-id': 4, fds: [{ opaque: 'other' }] },
            ]
          : undefined;
      expect(await put({ handed: id })).to.deep.equal(told({ stubRemoved: true }));
      expect(qemu.asked).to.deep.equal([
        'query-status',
        `chardev-remove ${id}`,
        `closefd ${id}`,
        'query-fdsets',
        'remove-fd 3',
      ]);
    });

    it('is tried again where QEMU does not answer', async () => {
      qemu.onCommand = (command) => (command === 'query-fdsets' ? HANG_UP : undefined);
      expect(await put({ handed: id, ownStub: false })).to.deep.equal(
        told({ stubRemoved: false, left: { handed: id, ownStub: false } }),
      );
    });

    it('has no mode to be turned off where that stub is gone, or another has taken its place', async () => {
      const plan: RestorePlan = { handed: id, handedStub: true };
      expect(await put(plan)).to.deep.equal(told({ physicalModeOff: true, stubRemoved: true }));
      qemu.devices = [[id, 'socket']];
      expect(await put(plan)).to.deep.equal(told({ physicalModeOff: true, stubRemoved: true }));
      expect(qemu.asked).to.not.include('stop');
    });

    /** The monitor of one that takes the other end of a connection to a stub by its path, and the order in which all is done. */
    async function handOver(plan: RestorePlan, stub: FakeGdbStub, onCommand: (command: string) => void = () => {}) {
      const server = new FakeQmpServer();
      const done: string[] = [];
      const connection: Connection = {
        ...stub.connection,
        close: async () => {
          for (let turns = 0; turns < 10; turns += 1) await turn();
          done.push('closed');
          await stub.connection.close();
        },
      };
      const carrier: DescriptorCarrier = {
        makeStream: async (findThread) => {
          done.push(`made for ${await findThread?.()}`);
          return { connection, handed: { path: '/run/handed' } };
        },
        makeFile: () => {
          throw new Error('no file is handed over');
        },
      };
      const prepareCarrier = async (): Promise<void> => {
        done.push('prepared');
      };
      const connecting = QmpClient.connect({ ...server.connection, carrier, prepareCarrier });
      server.sayLine(GREETING);
      const client = await connecting;
      const answers: Record<string, unknown> = {
        'query-status': { status: 'running', running: true },
        'query-chardev': [{ label: id, filename: 'socket', 'frontend-open': true }],
        'query-cpus-fast': [{ 'cpu-index': 0, 'qom-path': '/machine/cpu', 'thread-id': 77, target: 'x86_64' }],
        'query-fdsets': [],
        'human-monitor-command': '',
      };
      const answering = (async () => {
        for (let at = 0; ; at += 1) {
          const request = (await server.received(at + 1))[at];
          if (request === undefined) return;
          const command = [
            request.execute,
            ...Object.values(request.arguments ?? {}).map((value) => JSON.stringify(value)),
          ];
          done.push(command.join(' '));
          onCommand(command.join(' '));
          server.reply(request, answers[request.execute] ?? {});
        }
      })();
      answering.catch(() => {});
      const found = await putBack(client, plan, { resumeUnrecorded: true });
      await client.close();
      return { found, done };
    }

    const HANDED_OVER = [
      ...['query-status', 'query-chardev', 'prepared', 'stop', 'human-monitor-command "gdbserver none"'],
      ...['query-cpus-fast', 'made for 77'],
      `chardev-add "${id}" {"type":"socket","data":{"addr":{"type":"unix","data":{"path":"/run/handed"}},"server":false}}`,
      `human-monitor-command "gdbserver chardev:${id}"`,
      ...['closed', 'human-monitor-command "gdbserver none"', ...RESUME],
      ...[`chardev-remove "${id}"`, `closefd "${id}"`, 'query-fdsets'],
    ];

    it('has its mode turned off by way of a fresh connection', async () => {
      const stub = new FakeGdbStub();
      const { found, done } = await handOver({ handed: id, handedStub: true, resume: true }, stub);
      expect(found).to.deep.equal(
        told({ resumption: 'runs', foundState: 'running', physicalModeOff: true, stubRemoved: true }),
      );
      expect(done).to.deep.equal(HANDED_OVER);
      expect(stub.requests.slice(2)).to.deep.equal(MODE_OFF);
    });

    it('is tried again where that connection ends', async () => {
      const stub = new FakeGdbStub();
      const plan: RestorePlan = { handed: id, handedStub: true };
      const { found, done } = await handOver({ ...plan, resume: true }, stub, (command) => {
        if (command.includes('gdbserver chardev:')) stub.hangUp();
      });
      expect(found).to.deep.equal(
        told({
          ...{ resumption: 'runs', foundState: 'running', physicalModeOff: false, stubRemoved: true },
          left: { ...plan, resume: true },
        }),
      );
      expect(done).to.deep.equal(HANDED_OVER);
    });

    it('is told of where there is no way to hand it a connection, and resumed', async () => {
      qemu.endStub();
      qemu.devices = [[id, 'socket']];
      qemu.status = 'running';
      const overTcp = await QmpClient.connect(await qemu.listenAtPort());
      const found = await putBack(overTcp, { handed: id, handedStub: true }, { resumeUnrecorded: true });
      await overTcp.close();
      expect(found).to.deep.equal(told({ foundState: 'running', physicalModeOff: false, stubRemoved: true }));
      expect(qemu.asked.slice(0, 4)).to.deep.equal(['query-status', 'query-chardev', ...RESUME]);
    });
  });
});
