import { expect } from 'chai';
import { parseChardevFilename } from '../../../../protocols/qmp/commands/query-chardev.ts';
import {
  cont,
  isMigrating,
  QmpClient,
  QmpReplyError,
  qomGetBoolean,
  qomGetNumber,
  qomGetString,
  qomList,
  queryChardev,
  queryCpusFast,
  queryKvm,
  queryMigrate,
  queryStatus,
  queryTarget,
  saveDevicesState,
  stop,
} from '../../../../protocols/qmp/index.ts';
import { FakeQmpServer, GREETING, type SeenRequest } from '../../../support/fakes/fake-qmp-server.ts';

interface Exchange<T> {
  readonly request: Omit<SeenRequest, 'id'>;
  readonly result: T;
}

/** One command against a server that answers it with `reply`. */
async function exchange<T>(act: (qmp: QmpClient) => Promise<T>, reply: unknown): Promise<Exchange<T>> {
  const server = new FakeQmpServer();
  server.sayLine(GREETING);
  const client = await QmpClient.connect(server.connection);
  const result = act(client);
  const [request] = await server.received(1);
  if (request === undefined) throw new Error('no request');
  server.reply(request, reply);
  const { id: _, ...rest } = request;
  return { request: rest, result: await result };
}

function refusalOf(act: (qmp: QmpClient) => Promise<unknown>, reply: unknown): Promise<unknown> {
  return exchange(act, reply).then(
    ({ result }) => expect.fail(`it was accepted as ${JSON.stringify(result)}`),
    (error: unknown) => error,
  );
}

describe('the typed commands', () => {
  it('query-status, with and without the member of 7.2', async () => {
    const reply = { status: 'prelaunch', running: false };
    const execute = { execute: 'query-status' };
    expect(await exchange(queryStatus, { ...reply, singlestep: false })).to.deep.equal({
      request: execute,
      result: reply,
    });
    expect(await exchange(queryStatus, reply)).to.deep.equal({ request: execute, result: reply });
  });

  it('stop and cont', async () => {
    expect((await exchange(stop, {})).request).to.deep.equal({ execute: 'stop' });
    expect((await exchange(cont, {})).request).to.deep.equal({ execute: 'cont' });
    // Of a pause that did not come nothing may be taken for granted.
    for (const act of [stop, cont]) expect(await refusalOf(act, 'no object')).to.be.instanceOf(QmpReplyError);
  });

  it('query-cpus-fast', async () => {
    const props = { 'core-id': 0, 'thread-id': 0, 'socket-id': 0 };
    const cpu = {
      'thread-id': 15720,
      props,
      'qom-path': '/machine/unattached/device[0]',
      'cpu-index': 0,
      target: 'x86_64',
    };
    expect(await exchange(queryCpusFast, [cpu])).to.deep.equal({
      request: { execute: 'query-cpus-fast' },
      result: [{ cpuIndex: 0, qomPath: '/machine/unattached/device[0]', threadId: 15720, target: 'x86_64' }],
    });
    expect(await refusalOf(queryCpusFast, [{ ...cpu, 'thread-id': '15720' }]))
      .to.be.instanceOf(QmpReplyError)
      .and.include({ path: '[0].thread-id' });
  });

  it('query-target and query-kvm', async () => {
    expect((await exchange(queryTarget, { arch: 'x86_64' })).result).to.equal('x86_64');
    expect((await exchange(queryKvm, { enabled: false, present: true })).result).to.deep.equal({
      enabled: false,
      present: true,
    });
  });

  it('qom-get of the type that is asked for', async () => {
    const request = { execute: 'qom-get', arguments: { path: '/machine', property: 'x' } };
    expect(await exchange((qmp) => qomGetBoolean(qmp, '/machine', 'x'), true)).to.deep.equal({ request, result: true });
    expect(await exchange((qmp) => qomGetNumber(qmp, '/machine', 'x'), 40)).to.deep.equal({ request, result: 40 });
    expect(await exchange((qmp) => qomGetString(qmp, '/machine', 'x'), 'y')).to.deep.equal({ request, result: 'y' });
  });

  it('qom-get of another type', async () => {
    expect(await refusalOf((qmp) => qomGetBoolean(qmp, '/', 'x'), 'true')).to.be.instanceOf(QmpReplyError);
    expect(await refusalOf((qmp) => qomGetNumber(qmp, '/', 'x'), '40')).to.be.instanceOf(QmpReplyError);
    expect(await refusalOf((qmp) => qomGetNumber(qmp, '/', 'x'), 2 ** 53)).to.be.instanceOf(QmpReplyError);
    expect(await refusalOf((qmp) => qomGetString(qmp, '/', 'x'), null)).to.be.instanceOf(QmpReplyError);
  });

  it('qom-list', async () => {
    const properties = [
      { name: 'disk0', type: 'child<nvme>' },
      { name: 'type', type: 'string' },
    ];
    expect(await exchange((qmp) => qomList(qmp, '/machine/peripheral'), properties)).to.deep.equal({
      request: { execute: 'qom-list', arguments: { path: '/machine/peripheral' } },
      result: properties,
    });
    expect(await refusalOf((qmp) => qomList(qmp, '/'), [{ name: 'x' }])).to.be.instanceOf(QmpReplyError);
  });

  it('query-migrate, before, in and after a migration, and where there can be none', async () => {
    const request = { execute: 'query-migrate' };
    const none = { status: undefined, blockedReasons: [] };
    expect(await exchange(queryMigrate, {})).to.deep.equal({ request, result: none });
    const active = { status: 'active', ram: { total: 1 } };
    expect((await exchange(queryMigrate, active)).result).to.deep.equal({ status: 'active', blockedReasons: [] });
    const reason = 'non-migratable device: 0000:00:04.0/nvme';
    expect((await exchange(queryMigrate, { 'blocked-reasons': [reason] })).result).to.deep.equal({
      status: undefined,
      blockedReasons: [reason],
    });
    expect(await refusalOf(queryMigrate, { 'blocked-reasons': 'x' })).to.be.instanceOf(QmpReplyError);
  });

  it('has every migration for one under way whose state is not known to be an end', () => {
    const states = [undefined, 'none', 'completed', 'failed', 'cancelled', 'setup', 'active', 'postcopy-active', 'new'];
    const moving = states.filter((status) => isMigrating({ status, blockedReasons: [] }));
    expect(moving).to.deep.equal(['setup', 'active', 'postcopy-active', 'new']);
  });

  it('xen-save-devices-state never without live: false', async () => {
    const { request } = await exchange((qmp) => saveDevicesState(qmp, '/dev/shm/state'), {});
    expect(request).to.deep.equal({
      execute: 'xen-save-devices-state',
      arguments: { filename: '/dev/shm/state', live: false },
    });
  });

  it('query-chardev', async () => {
    const chardevs = [
      { 'frontend-open': true, filename: 'disconnected:tcp:0.0.0.0:1234,server=on', label: 'gdb' },
      { 'frontend-open': true, filename: 'gdb', label: '#chr090' },
    ];
    expect((await exchange(queryChardev, chardevs)).result).to.deep.equal([
      {
        label: 'gdb',
        filename: 'disconnected:tcp:0.0.0.0:1234,server=on',
        state: 'free',
        isOpen: true,
        endpoint: 'tcp:127.0.0.1:1234',
        isWildcard: true,
      },
      { label: '#chr090', filename: 'gdb', isOpen: true, state: 'busy', isWildcard: false },
    ]);
  });
});

describe('parseChardevFilename', () => {
  const CASES: ReadonlyArray<
    readonly [filename: string, state: string, endpoint: string | undefined, isWildcard?: boolean]
  > = [
    ['disconnected:unix:/run/x.gdb,server=on', 'free', 'unix:/run/x.gdb'],
    ['unix:/run/x.gdb,server=on', 'busy', 'unix:/run/x.gdb'],
    ['disconnected:unix:/run/with,comma.gdb,server=on', 'free', 'unix:/run/with,,comma.gdb'],
    ['disconnected:unix:/run/a,server=on,server=on', 'free', 'unix:/run/a,,server=on'],
    ['disconnected:unix:/run/x.gdb,server', 'free', 'unix:/run/x.gdb'],
    ['disconnected:unix:name,abstract,server=on', 'free', undefined],
    ['disconnected:unix:name,abstract,tight,server=on', 'free', undefined],
    ['disconnected:tcp:127.0.0.1:36249,server=on', 'free', 'tcp:127.0.0.1:36249'],
    ['disconnected:tcp:x]:36249,server=on', 'free', 'tcp:x]:36249'],
    ['tcp:127.0.0.1:1234,server=on <-> 127.0.0.1:59110', 'busy', 'tcp:127.0.0.1:1234'],
    ['disconnected:tcp:0.0.0.0:1234,server=on', 'free', 'tcp:127.0.0.1:1234', true],
    ['disconnected:tcp::1234,server=on', 'free', 'tcp:127.0.0.1:1234', true],
    ['disconnected:tcp:1234,server=on', 'free', undefined],
    ['disconnected:tcp:a:123456,server=on', 'free', undefined],
    ['disconnected:tcp:::1:7773,server=on', 'free', 'tcp:[::1]:7773'],
    ['disconnected:tcp::::7773,server=on', 'free', 'tcp:[::1]:7773', true],
    ['tcp:[::1]:7773,server=on <-> [::1]:40388', 'busy', 'tcp:[::1]:7773'],
    ['tcp:[::ffff:127.0.0.1]:1234,server=on <-> [::ffff:127.0.0.1]:59110', 'busy', 'tcp:[::ffff:127.0.0.1]:1234'],
    ['disconnected:telnet:0.0.0.0:1234,server=on', 'free', undefined],
    ['tcp:127.0.0.1:59110 <-> 127.0.0.1:1234', 'busy', undefined],
    ['disconnected:unix:/run/a\nb.gdb,server=on', 'free', undefined],
    ['disconnected:unix:/run/a\rb.gdb,server=on', 'free', undefined],
    ['unix:/run/x.gdb,server=on <-> ,server <-> ', 'busy', 'unix:/run/x.gdb'],
    ['disconnected:unix:,server=on', 'free', undefined],
    ['gdb', 'busy', undefined],
    ['vc', 'busy', undefined],
    ['', 'busy', undefined],
  ];
  it('reads no more than a description can have', () => {
    const path = 'x'.repeat(4096 - 'unix:,server=on'.length);
    expect(parseChardevFilename(`unix:${path},server=on`).endpoint).to.equal(`unix:${path}`);
    expect(parseChardevFilename(`unix:${path}x,server=on`).endpoint).to.equal(undefined);
  });

  for (const [filename, state, endpoint, isWildcard = false] of CASES) {
    it(JSON.stringify(filename), () => {
      const expected = endpoint === undefined ? { state, isWildcard } : { state, endpoint, isWildcard };
      expect(parseChardevFilename(filename)).to.deep.equal(expected);
    });
  }
});
