import { expect } from 'chai';
import { QmpClient, QmpCommandError, QmpProtocolError, QmpTimeoutError } from '../../../protocols/qmp/index.ts';
import { MAX_MESSAGE_CHARS } from '../../../protocols/qmp/message-framer.ts';
import { WholeLines } from '../../../protocols/qmp/whole-lines.ts';
import { expectRejection } from '../../support/expect-rejection.ts';
import { FakeQmpServer, GREETING } from '../../support/fakes/fake-qmp-server.ts';

async function start(): Promise<{ server: FakeQmpServer; client: QmpClient }> {
  const server = new FakeQmpServer();
  server.sayLine(GREETING);
  return { server, client: await QmpClient.connect(server.connection) };
}

/** Says it again in each turn of the event loop, until the client is gone. Gives how often. */
function sayForever(server: FakeQmpServer, client: QmpClient, text: Uint8Array): void {
  if (client.state === 'closed') return;
  server.say(text);
  setImmediate(() => sayForever(server, client, text));
}

const EVENT = `{"event": "X", "data": {"text": "${'x'.repeat(10_000)}"}}\r\n`;

describe('a monitor that means no good', () => {
  const ENDLESS: ReadonlyArray<readonly [what: string, text: string, expected: RegExp]> = [
    ['a line without end', 'x'.repeat(1 << 20), /a line of at most 16777216 bytes/],
    ['a message of endless lines', `"${'x'.repeat(1 << 20)}",\r\n`, /at most 16777216 characters/],
    ['events, and no reply', EVENT.repeat(100), /a reply within 33554432 characters of other messages/],
    [
      'replies to other requests',
      `{"return": "${'x'.repeat(10_000)}", "id": 77}\r\n`.repeat(100),
      /a reply within 33554432/,
    ],
  ];
  for (const [what, text, expected] of ENDLESS) {
    it(`loses its connection when it sends ${what}`, async () => {
      const { server, client } = await start();
      // The connection is closed for what it says, and not for the time: much text takes long on a busy machine.
      const reply = expectRejection(client.execute('stop', undefined, { timeoutMs: 60_000 }));
      await server.received(1);
      if (what.includes('message')) server.say('{"a": [');
      else if (what.includes('line')) server.say('{"a": "');
      sayForever(server, client, Buffer.from(text));
      const error = await reply;
      expect(error.cause).to.be.instanceOf(QmpProtocolError).with.property('message').that.matches(expected);
      expect(client.state).to.equal('closed');
    });
  }

  const EXCESSES: ReadonlyArray<readonly [what: string, text: string, expected: RegExp]> = [
    ['a message that is deeper than any', `{"a": ${'['.repeat(128)}${']'.repeat(128)}}`, /at most 128 deep/],
    ['a message that opens and never closes', '{"a": '.repeat(100_000), /at most 128 deep/],
    ['a message of too many members', `{"a": [${'1,'.repeat(262_144)}1]}`, /at most 262144 members/],
    ['too many messages in a line', '{}'.repeat(1025), /at most 1024 messages in a line/],
    ['something else', 'nonsense', /a JSON object/],
  ];
  for (const [what, text, expected] of EXCESSES) {
    it(`loses its connection for ${what}`, async () => {
      const { server, client } = await start();
      const reply = expectRejection(client.execute('stop'));
      await server.received(1);
      server.sayLine(text);
      expect((await reply).cause)
        .to.be.instanceOf(QmpProtocolError)
        .with.property('message')
        .that.matches(expected);
    });
  }

  it('may say 32 MiB of events before each answer, and no more', async () => {
    const { server, client } = await start();
    const event = `{"event": "X", "data": {"text": "${'x'.repeat(2 ** 24 - 36)}"}}`;
    expect(event).to.have.lengthOf(2 ** 24);
    const talk = async (count: number) => {
      const reply = client.execute('stop', undefined, { timeoutMs: 60_000 });
      const request = (await server.received(count)).at(-1);
      for (const _ of [1, 2]) server.sayLine(event);
      return { reply, id: request?.id };
    };
    const first = await talk(1);
    server.sayLine(`{"return": 1, "id": ${first.id}}`);
    expect(await first.reply).to.equal(1);
    const second = await talk(2);
    const refusal = expectRejection(second.reply);
    server.sayLine(`{"error": {"class": "GenericError", "desc": "no"}, "id": ${second.id}}`);
    expect(await refusal).to.be.instanceOf(QmpCommandError);
    const third = await talk(3);
    server.sayLine(`{"return": 3, "id": ${third.id}}`);
    expect(await third.reply).to.equal(3);
    const fourth = await talk(4);
    const failure = expectRejection(fourth.reply);
    server.sayLine('{}');
    expect((await failure).cause).to.be.instanceOf(QmpProtocolError);
  });

  it('may be as deep and as long as is allowed', async () => {
    const { server, client } = await start();
    const reply = client.execute('stop');
    const [request] = await server.received(1);
    server.say('{}'.repeat(1023));
    server.sayLine(`{"return": ${'['.repeat(127)}${'1,'.repeat(200_000)}1${']'.repeat(127)}, "id": ${request?.id}}`);
    expect(await reply).to.be.an('array');
  });

  it('cannot put off a timeout by talking', async () => {
    const { server, client } = await start();
    const reply = expectRejection(client.execute('stop', undefined, { timeoutMs: 100 }));
    sayForever(server, client, Buffer.from('{"event": "X"}\r\n'));
    expect(await reply).to.be.instanceOf(QmpTimeoutError);
    await client.close();
  });

  it('may answer twice, and with ids that were never sent', async () => {
    const { server, client } = await start();
    const reply = client.execute('stop');
    const [request] = await server.received(1);
    for (const id of [0, -1, 1e300, request?.id, request?.id, '"x"', 'null', '{}']) {
      server.sayLine(`{"return": ${String(id === request?.id)}, "id": ${String(id)}}`);
    }
    expect(await reply).to.equal(true);
    const next = client.execute('cont');
    server.reply((await server.received(2))[1] as never, 7);
    expect(await next).to.equal(7);
  });

  it('may send a reply byte by byte', async () => {
    const { server, client } = await start();
    const reply = client.execute('stop');
    const [request] = await server.received(1);
    for (const byte of Buffer.from(`{"return": "ä", "id": ${request?.id}}\r\n`)) server.say(Buffer.of(byte));
    expect(await reply).to.equal('ä');
  });
});

describe('WholeLines', () => {
  it('costs no more for pieces of a byte', () => {
    const lines = new WholeLines();
    const byte = Buffer.from('x');
    const count = MAX_MESSAGE_CHARS / 16;
    for (let sent = 0; sent < count; sent++) lines.take(byte);
    expect(lines.take(Buffer.from('\nrest'))?.length).to.equal(count + 1);
    expect(lines.keptBytes).to.equal(4);
  });
});
