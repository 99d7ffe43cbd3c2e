import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import * as z from 'zod';
import {
  formatQemuVersion,
  QmpBusyError,
  QmpClient,
  type QmpClientOptions,
  QmpClosedError,
  QmpCommandError,
  QmpHmpError,
  QmpProtocolError,
  QmpReplyError,
  QmpTimeoutError,
  QmpTlsStallError,
} from '../../../protocols/qmp/index.ts';
import type { Connection, TraceRecord } from '../../../protocols/transport/index.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeQmpServer, GREETING } from '../../support/fakes/fake-qmp-server.ts';

interface Session {
  readonly server: FakeQmpServer;
  readonly client: QmpClient;
}

async function startSession(options: QmpClientOptions = {}): Promise<Session> {
  const server = new FakeQmpServer();
  server.sayLine(GREETING);
  return { server, client: await QmpClient.connect(server.connection, options) };
}

/** The error of a promise that must not succeed. */
async function failureOf(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    (value) => expect.fail(`it succeeded with ${JSON.stringify(value)}`),
    (error: Error) => error,
  );
}

function connectTo(server: FakeQmpServer, timeoutMs: number): Promise<Error> {
  return failureOf(QmpClient.connect(server.connection, { timeoutMs }));
}

const STOP = '{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "STOP"}';
const SHUTDOWN =
  '{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "SHUTDOWN", "data": {"guest": false, "reason": "host-signal"}}';

describe('QmpClient.connect', () => {
  it('leaves capabilities negotiation and knows the version', async () => {
    const { client } = await startSession();
    expect(client.state).to.equal('ready');
    expect(client.endpoint).to.equal('unix:/run/fake.qmp');
    expect(formatQemuVersion(client.greeting)).to.equal('7.2.22');
  });

  it('calls a silent peer busy, and says that it may be something else', async () => {
    const server = new FakeQmpServer();
    const error = await connectTo(server, 20);
    expect(error).to.be.instanceOf(QmpBusyError).and.include({ endpoint: 'unix:/run/fake.qmp', timeoutMs: 20 });
    expect(error.message)
      .to.match(/another client is using this monitor/)
      .and.match(/not a QMP socket/);
    expect(server.closeCalls).to.be.greaterThan(0);
  });

  const STRANGERS: ReadonlyArray<readonly [who: string, says: string | Uint8Array, hint: RegExp]> = [
    ['a GDB stub of 7.2', '$T02thread:01;#04', /looks like a GDB stub.*pauses a running guest/],
    ['a GDB stub that acknowledges', '+$#00', /looks like a GDB stub/],
    ['an SSH server', 'SSH-2.0-OpenSSH_9.2p1\r\n', /socket of a -qmp option/],
    ['a web server', 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n', /socket of a -qmp option/],
    ['a human monitor', "QEMU 7.2.22 monitor - type 'help' for more information\r\n(qemu) ", /human monitor/],
    ['a binary peer', Uint8Array.of(0x16, 0x03, 0x01, 0xff, 0x9b, 0x31, 0x6d), /"\\u0016\\u0003\\u0001ÿ\\u009b1m"/],
    ['a JSON server', '{"jsonrpc": "2.0", "id": null}\n', /expected a QMP greeting/],
    ['broken JSON', '{"QMP": inf}\n', /expected a JSON object/],
    ['QMP without negotiation', '{"return": {}, "id": 1}\n', /expected a QMP greeting/],
  ];
  for (const [who, says, hint] of STRANGERS) {
    it(`recognises ${who} at once`, async () => {
      const server = new FakeQmpServer();
      server.say(says);
      const error = await connectTo(server, 60_000);
      expect(error).to.be.instanceOf(QmpProtocolError);
      expect(error.message)
        .to.match(/^unix:\/run\/fake\.qmp: expected .*, received "/)
        .and.match(hint);
    });
  }

  it('keeps 256 characters of what came instead of a greeting, whatever it was', async () => {
    const long = 'x'.repeat(1000);
    for (const said of [`{"a": "${long}"}\n`, `$${long}`, `{"a": inf, "b": "${long}"}\n`]) {
      const server = new FakeQmpServer();
      server.say(said);
      const error = await connectTo(server, 60_000);
      expect(error).to.be.instanceOf(QmpProtocolError).and.have.property('received', said.slice(0, 256));
    }
  });

  it('shows the beginning of a greeting that does not end', async () => {
    const server = new FakeQmpServer();
    server.say('{"QMP": {"ver');
    const error = await connectTo(server, 20);
    expect(error).to.be.instanceOf(QmpProtocolError);
    expect(error.message).to.contain('expected a QMP greeting within 20 ms, received "{\\"QMP\\": {\\"ver"');
  });

  it('says what is wrong with a greeting', async () => {
    const server = new FakeQmpServer();
    server.sayLine(GREETING.replace('"major": 7', '"major": "7"'));
    const error = await connectTo(server, 60_000);
    expect(error).to.be.instanceOf(QmpReplyError).and.include({ command: 'greeting', path: 'version.qemu.major' });
  });

  it('reports a peer that hangs up instead, with what the transport knows', async () => {
    const server = new FakeQmpServer();
    server.explanation = 'the command ended with status 127';
    server.hangUp();
    const error = await connectTo(server, 60_000);
    expect(error).to.be.instanceOf(QmpClosedError);
    expect(error.message).to.equal(
      'unix:/run/fake.qmp: the connection ended before QEMU had greeted (the command ended with status 127)',
    );
  });

  it('tells a QEMU that greets over TLS and then is silent from one that is silent otherwise', async () => {
    const silent = (endpoint: string): Promise<Error> => {
      const server = new FakeQmpServer();
      server.negotiates = false;
      server.sayLine(GREETING);
      return failureOf(QmpClient.connect({ ...server.connection, endpoint }, { timeoutMs: 20 }));
    };
    expect(await silent('unix:/run/fake.qmp')).to.be.instanceOf(QmpTimeoutError);
    expect(await silent('tls:vm:4444')).to.be.instanceOf(QmpTlsStallError);
    const server = new FakeQmpServer();
    server.negotiates = false;
    server.sayLine(GREETING);
    server.hangUp();
    const endpoint = 'tls:vm:4444';
    expect(
      await failureOf(QmpClient.connect({ ...server.connection, endpoint }, { timeoutMs: 60_000 })),
    ).to.be.instanceOf(QmpClosedError);
  });

  it('has left a peer when it says so, be it that it refuses it', async () => {
    const slow = (server: FakeQmpServer) => {
      const connection = { ...server.connection, hasEnded: false };
      connection.close = async () => {
        await delay(20);
        connection.hasEnded = true;
        await server.connection.close();
      };
      return connection;
    };
    const stranger = new FakeQmpServer();
    stranger.say('SSH-2.0-OpenSSH_9.2p1\r\n');
    const refused = slow(stranger);
    await failureOf(QmpClient.connect(refused, { timeoutMs: 60_000 }));
    expect(refused.hasEnded).to.equal(true);
    const server = new FakeQmpServer();
    server.sayLine(GREETING);
    const served = slow(server);
    const client = await QmpClient.connect(served, { timeoutMs: 60_000 });
    await client.close();
    expect(served.hasEnded).to.equal(true);
  });

  it('takes a peer that hangs up before it greets for QEMU, where the transport knows of nothing between', async () => {
    const server = new FakeQmpServer();
    server.hangUp();
    const error = await connectTo(server, 60_000);
    expect(error).to.be.instanceOf(QmpClosedError);
    expect(error.message).to.contain('QEMU exited or closed the connection');
  });

  it('takes 10,000 events before the greeting, which a proxy may have kept, and no more', async () => {
    const early = (count: number): FakeQmpServer => {
      const server = new FakeQmpServer();
      for (let left = count; left > 0; left -= 1) server.sayLine(STOP);
      server.sayLine(GREETING);
      return server;
    };
    const client = await QmpClient.connect(early(10_000).connection, { timeoutMs: 20_000 });
    expect(client.state).to.equal('ready');
    const error = await connectTo(early(10_001), 20_000);
    expect(error).to.be.instanceOf(QmpProtocolError);
    expect(error.message).to.contain('expected a QMP greeting');
  });

  it('keeps 256 characters of a greeting that does not end', async () => {
    const server = new FakeQmpServer();
    const said = `{"QMP": {"ver": "${'x'.repeat(1000)}`;
    server.say(said.slice(0, 200));
    server.say(said.slice(200));
    expect(await connectTo(server, 20)).to.have.property('received', said.slice(0, 256));
  });

  it('waits for a greeting as long as it may', async () => {
    const server = new FakeQmpServer();
    const connecting = QmpClient.connect(server.connection, { timeoutMs: 60_000 });
    await delay(50);
    server.sayLine(GREETING);
    expect((await connecting).state).to.equal('ready');
  });

  it('is not ended afterwards by what bounded its connecting', async () => {
    const giveUp = new AbortController();
    const { client } = await startSession({ timeoutMs: 20, signal: giveUp.signal });
    giveUp.abort();
    await delay(60);
    expect(client.state).to.equal('ready');
  });

  it('does not connect for a signal that has fired', async () => {
    const server = new FakeQmpServer();
    server.sayLine(GREETING);
    const signal = AbortSignal.abort(new Error('Ctrl-C'));
    const error = await failureOf(QmpClient.connect(server.connection, { signal }));
    expect(error).to.be.instanceOf(QmpClosedError);
    expect(error.message).to.contain('the attempt was abandoned');
    expect(server.closeCalls).to.be.greaterThan(0);
  });

  it('stops connecting when told to', async () => {
    const server = new FakeQmpServer();
    const giveUp = new AbortController();
    const failure = failureOf(QmpClient.connect(server.connection, { timeoutMs: 60_000, signal: giveUp.signal }));
    giveUp.abort(new Error('Ctrl-C'));
    const error = await failure;
    expect(error).to.be.instanceOf(QmpClosedError);
    expect(error.cause).to.have.property('message', 'Ctrl-C');
  });
});

describe('QmpClient.execute', () => {
  it('matches replies by number, in whatever order they come', async () => {
    const { server, client } = await startSession();
    const replies = Promise.all(['a', 'b', 'c'].map((command) => client.execute(command)));
    const [a, b, c] = await server.received(3);
    for (const request of [c, a, b]) {
      if (request !== undefined) server.reply(request, `reply to ${request.execute}`);
    }
    expect(await replies).to.deep.equal(['reply to a', 'reply to b', 'reply to c']);
  });

  it('drops a reply that was not waited for', async () => {
    const { server, client } = await startSession();
    const reply = client.execute('query-status');
    const [request] = await server.received(1);
    server.sayLine('{"return": "stray", "id": 4711}');
    server.sayLine('{"return": "stray"}');
    server.sayLine('{"what": "is this"}');
    if (request !== undefined) server.reply(request, 'mine');
    expect(await reply).to.equal('mine');
  });

  it('reports a refusal with its class, and shows who asked', async () => {
    const { server, client } = await startSession();
    async function theCaller(): Promise<void> {
      await client.execute('bogus');
    }
    const failure = failureOf(theCaller());
    const [request] = await server.received(1);
    server.sayLine(`{"id": ${request?.id}, "error": {"class": "CommandNotFound", "desc": "not found"}}`);
    const error = await failure;
    expect(error).to.be.instanceOf(QmpCommandError);
    expect(error).to.include({ command: 'bogus', errorClass: 'CommandNotFound', desc: 'not found' });
    expect(error.stack).to.contain('theCaller');
    expect(client.state).to.equal('ready');
  });

  it('keeps 256 characters of an error without id', async () => {
    const { server, client } = await startSession();
    const failure = failureOf(client.execute('a'));
    await server.received(1);
    const said = `{"error": {"class": "GenericError", "desc": "${'x'.repeat(1000)}"}}`;
    server.sayLine(said);
    expect((await failure).cause).to.have.property('received', said.slice(0, 256));
  });

  it('gives the connection up at an error without id', async () => {
    const { server, client } = await startSession();
    const failures = Promise.all([failureOf(client.execute('a')), failureOf(client.execute('b'))]);
    await server.received(2);
    server.sayLine('{"error": {"class": "GenericError", "desc": "JSON parse error"}}');
    for (const error of await failures) {
      expect(error).to.be.instanceOf(QmpClosedError);
      expect(error.cause).to.be.instanceOf(QmpProtocolError);
      expect(error.message).to.contain('JSON parse error');
    }
    expect(client.state).to.equal('closed');
    expect(server.closeCalls).to.be.greaterThan(0);
  });

  it('says where a reply differs, and leaves the others alone', async () => {
    const { server, client } = await startSession();
    const schema = z.array(z.object({ 'cpu-index': z.int() }));
    const strange = failureOf(client.execute('query-cpus-fast', undefined, { schema }));
    const good = client.execute('query-status');
    const [first, second] = await server.received(2);
    if (first !== undefined) server.reply(first, [{ 'cpu-index': 'zero' }]);
    if (second !== undefined) server.reply(second, 'fine');
    expect(await strange).to.be.instanceOf(QmpReplyError);
    expect(await strange).to.include({
      command: 'query-cpus-fast',
      path: '[0].cpu-index',
      reply: '[{"cpu-index":"zero"}]',
    });
    expect(await good).to.equal('fine');
  });

  it('keeps 400 characters of a reply that differs', async () => {
    const { server, client } = await startSession();
    const failure = failureOf(client.execute('qom-get', {}, { schema: z.int() }));
    const [request] = await server.received(1);
    if (request !== undefined) server.reply(request, 'x'.repeat(1000));
    expect(await failure).to.have.property('reply', `"${'x'.repeat(399)}`);
  });

  it('refuses an integer that a number cannot hold', async () => {
    const { server, client } = await startSession();
    const failure = failureOf(client.execute('qom-get', {}, { schema: z.int() }));
    const [request] = await server.received(1);
    server.sayLine(`{"return": 18446744073709551615, "id": ${request?.id}}`);
    expect(await failure).to.be.instanceOf(QmpReplyError);
  });

  it('ends the wait in time and stays usable', async () => {
    const { server, client } = await startSession({ requestTimeoutMs: 20 });
    const error = await failureOf(client.execute('query-status'));
    expect(error).to.be.instanceOf(QmpTimeoutError).and.include({ awaited: 'query-status', timeoutMs: 20 });
    const [late] = await server.received(1);
    if (late !== undefined) server.reply(late, 'late');
    const next = client.execute('query-kvm', undefined, { timeoutMs: 60_000 });
    const [, request] = await server.received(2);
    if (request !== undefined) server.reply(request, 'in time');
    expect(await next).to.equal('in time');
  });

  it('settles everything once when the connection ends, with the reason', async () => {
    const { server, client } = await startSession();
    const failures = Promise.all([failureOf(client.execute('a')), failureOf(client.execute('b'))]);
    await server.received(2);
    server.sayLine(SHUTDOWN);
    server.hangUp();
    const [first, second] = await failures;
    expect(first).to.be.instanceOf(QmpClosedError).and.include({ command: 'a' });
    expect(first).to.have.deep.property('shutdown', { reason: 'host-signal' });
    expect(second?.message).to.equal(
      'unix:/run/fake.qmp: b got no reply: QEMU exited or closed the connection, after announcing its shutdown (host-signal)',
    );
    expect(await failureOf(client.execute('c'))).to.include({ command: 'c', code: 'ERR_QMP_CLOSED' });
  });

  it('knows a shutdown for which QEMU gives no reason', async () => {
    for (const data of ['', ', "data": {}', ', "data": {"reason": 7}']) {
      const { server, client } = await startSession();
      const failure = failureOf(client.execute('a'));
      await server.received(1);
      server.sayLine(`{"event": "SHUTDOWN"${data}}`);
      server.hangUp();
      expect((await failure).message).to.contain('after announcing its shutdown (no reason given)');
    }
  });

  it('hears the last words before the end', async () => {
    const { server, client } = await startSession();
    const reply = client.execute('quit');
    const [request] = await server.received(1);
    if (request !== undefined) server.reply(request, {});
    server.hangUp();
    expect(await reply).to.deep.equal({});
  });

  it('does not call the beginning of a last line broken', async () => {
    const { server, client } = await startSession();
    const failure = failureOf(client.execute('quit'));
    await server.received(1);
    server.say('{"return": "cut o');
    server.hangUp();
    const error = await failure;
    expect(error).to.be.instanceOf(QmpClosedError);
    expect(error.message).to.contain('QEMU exited or closed the connection');
  });

  it('bounds what it keeps of a line that does not end', async () => {
    const { server, client } = await startSession();
    const failure = failureOf(client.execute('a'));
    await server.received(1);
    server.say(`{"return": "${'x'.repeat(17 * 1024 * 1024)}`);
    const error = await failure;
    expect(error.cause).to.be.instanceOf(QmpProtocolError);
    expect(error.message.length).to.be.lessThan(2000);
  });
});

describe("libvirt's proxy", () => {
  const BY_PROXY = GREETING.replace('"Debian"', '"qemu-7.2.22"');
  const CONNECTIONS: ReadonlyArray<
    readonly [who: string, greeting: string, traits: Partial<Connection>, isOneAtATime: boolean, areEventsLate: boolean]
  > = [
    ['QEMU', GREETING, {}, false, false],
    ["QEMU of another build than libvirt's", GREETING.replace('"Debian"', '"qemu-7.2.21"'), {}, false, false],
    ["libvirt's proxy, by its greeting", BY_PROXY, {}, true, true],
    ['a connection that takes one request at a time', GREETING, { takesOneAtATime: true }, true, false],
    ['a connection whose events are late', GREETING, { areEventsLate: true }, false, true],
  ];
  for (const [who, greeting, traits, isOneAtATime, areEventsLate] of CONNECTIONS) {
    it(`${who} gets ${isOneAtATime ? 'one request at a time' : 'requests as they are made'}`, async () => {
      const server = new FakeQmpServer();
      server.sayLine(greeting);
      const client = await QmpClient.connect({ ...server.connection, ...traits });
      expect(client.areEventsLate).to.equal(areEventsLate);
      const replies = ['a', 'b'].map((command) => client.execute(command));
      const [first] = await server.received(1);
      await delay(5);
      expect(server.requests).to.have.lengthOf(isOneAtATime ? 1 : 2);
      if (first !== undefined) server.reply(first, 'one');
      const [, second] = await server.received(2);
      if (second !== undefined) server.reply(second, 'two');
      expect(await Promise.all(replies)).to.deep.equal(['one', 'two']);
    });
  }
});

describe('QmpClient.hmp', () => {
  it('passes the vCPU on and gives plain line ends', async () => {
    const { server, client } = await startSession();
    const output = client.hmp('info registers', { cpuIndex: 1 });
    const [request] = await server.received(1);
    expect(request).to.deep.include({
      execute: 'human-monitor-command',
      arguments: { 'command-line': 'info registers', 'cpu-index': 1 },
    });
    if (request !== undefined) server.reply(request, '\r\nCPU#1\r\n');
    expect(await output).to.equal('\nCPU#1\n');
  });

  it('makes an error of a complaint about the line', async () => {
    const { server, client } = await startSession();
    const failure = failureOf(client.hmp('bogus'));
    const [request] = await server.received(1);
    if (request !== undefined) server.reply(request, "unknown command: 'bogus'\r\n");
    expect(await failure)
      .to.be.instanceOf(QmpHmpError)
      .and.include({ commandLine: 'bogus', output: "unknown command: 'bogus'\n" });
  });
});

describe('the events of QmpClient', () => {
  it('come in between replies, to everybody who listens', async () => {
    const { server, client } = await startSession();
    const heard: string[] = [];
    const stopListening = client.onEvent(({ event }) => heard.push(event));
    const reply = client.execute('stop');
    const [request] = await server.received(1);
    server.sayLine(STOP);
    if (request !== undefined) server.reply(request, {});
    await reply;
    expect(heard).to.deep.equal(['STOP']);
    stopListening();
    const awaited = client.waitForEvent('STOP');
    server.sayLine(STOP);
    expect(await awaited).to.have.deep.property('timestamp', { seconds: 1, microseconds: 2 });
    expect(heard).to.deep.equal(['STOP']);
  });

  it('have as many listeners as there are, without a warning', async () => {
    const { server, client } = await startSession();
    const warnings: Error[] = [];
    const onWarning = (warning: Error): number => warnings.push(warning);
    process.on('warning', onWarning);
    try {
      let heard = 0;
      for (let at = 0; at < 100; at += 1) client.onEvent(() => (heard += 1));
      server.sayLine(STOP);
      await eventually('all have heard', async () => heard === 100);
      expect(warnings).to.deep.equal([]);
    } finally {
      process.off('warning', onWarning);
    }
  });

  it('are not told to who has gone', async () => {
    const { server, client } = await startSession();
    const heard: string[] = [];
    const leave = client.onEvent(() => heard.push('gone'));
    client.onEvent(({ event }) => heard.push(event));
    leave();
    server.sayLine(STOP);
    await eventually('it was heard', () => heard.length > 0);
    expect(heard).to.deep.equal(['STOP']);
  });

  it('end once for each who wants to know, also who asks later, and not for who has gone', async () => {
    const { client } = await startSession();
    const ends: string[] = [];
    client.onClosed(() => ends.push('early'));
    client.onClosed(() => ends.push('gone'))();
    await client.close();
    client.onClosed((reason) => ends.push(reason.code));
    await eventually('both have heard', () => ends.length > 1);
    expect(ends).to.deep.equal(['early', 'ERR_QMP_CLOSED']);
  });

  it('are waited for by name and not for ever', async () => {
    const { server, client } = await startSession();
    const failure = failureOf(client.waitForEvent('RESUME', { timeoutMs: 20 }));
    server.sayLine(STOP);
    expect(await failure)
      .to.be.instanceOf(QmpTimeoutError)
      .and.include({ awaited: 'event RESUME' });
  });

  it('are listened for as long as they are waited for', async () => {
    const { server, client } = await startSession();
    let listeners = 0;
    const counted = (subscribe: (listener: never) => () => void) => (listener: never) => {
      const leave = subscribe(listener);
      listeners += 1;
      return () => {
        listeners -= 1;
        leave();
      };
    };
    client.onEvent = counted(client.onEvent.bind(client));
    client.onClosed = counted(client.onClosed.bind(client));
    const came = client.waitForEvent('STOP');
    const late = failureOf(client.waitForEvent('RESUME', { timeoutMs: 20 }));
    expect(listeners).to.equal(4);
    server.sayLine(STOP);
    await Promise.all([came, late]);
    expect(listeners).to.equal(0);
  });

  it('are waited for in vain when the connection ends', async () => {
    const { server, client } = await startSession();
    const failure = failureOf(client.waitForEvent('RESUME', { timeoutMs: 60_000 }));
    server.hangUp();
    expect(await failure).to.be.instanceOf(QmpClosedError);
    expect(await failureOf(client.waitForEvent('RESUME', { timeoutMs: 60_000 }))).to.be.instanceOf(QmpClosedError);
  });

  it('do not suffer from a listener that throws, and neither is the mistake hidden', async () => {
    const { server, client } = await startSession();
    const heard: string[] = [];
    const uncaught = catchUncaught();
    client.onEvent(() => {
      throw new Error('the mistake of a listener');
    });
    client.onEvent(({ event }) => heard.push(event));
    server.sayLine(STOP);
    expect((await uncaught).message).to.equal('the mistake of a listener');
    expect(heard).to.deep.equal(['STOP']);
    expect(client.state).to.equal('ready');
  });
});

describe('QmpClient.close', () => {
  it('rejects who waits, closes the transport, and may be called again', async () => {
    const { server, client } = await startSession();
    const failure = failureOf(client.execute('a'));
    const reasons: string[] = [];
    client.onClosed((reason) => reasons.push(reason.code));
    await Promise.all([client.close(), client.close()]);
    expect((await failure).message).to.contain('a got no reply: the connection was closed by this program');
    expect(client.state).to.equal('closed');
    expect(server.closeCalls).to.be.greaterThan(0);
    expect(reasons).to.deep.equal(['ERR_QMP_CLOSED']);
    const late = new Promise<string>((resolve) => client.onClosed((reason) => resolve(reason.code)));
    expect(await late).to.equal('ERR_QMP_CLOSED');
  });
});

describe('the trace of QmpClient', () => {
  it('has both directions as they travel', async () => {
    const trace: TraceRecord[] = [];
    const { server, client } = await startSession({ trace: (record) => trace.push(record) });
    const reply = client.execute('query-kvm');
    const [request] = await server.received(1);
    if (request !== undefined) server.reply(request, 1);
    await reply;
    expect(trace).to.deep.equal([
      { channel: 'qmp', direction: '<-', text: GREETING },
      { channel: 'qmp', direction: '->', text: '{"execute":"qmp_capabilities","id":1}' },
      { channel: 'qmp', direction: '<-', text: '{"return":{},"id":1}' },
      { channel: 'qmp', direction: '->', text: '{"execute":"query-kvm","id":2}' },
      { channel: 'qmp', direction: '<-', text: '{"return":1,"id":2}' },
    ]);
  });
});

/** Takes the next uncaught exception away from mocha, which would fail the test for it. */
function catchUncaught(): Promise<Error> {
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  return new Promise((resolve) => {
    process.once('uncaughtException', (error) => {
      for (const listener of listeners) process.on('uncaughtException', listener);
      resolve(error);
    });
  });
}
