import { duplexPair } from 'node:stream';
import { finished } from 'node:stream/promises';
import { expect } from 'chai';
import { decodeMessage, type QmpMessage } from '../../../protocols/qmp/message.ts';
import { MessageChannel } from '../../../protocols/qmp/message-channel.ts';
import type { TraceRecord } from '../../../protocols/transport/index.ts';
import { readFixtureText } from '../../support/fakes/read-fixture.ts';
import { everyCut } from '../../support/random/chunks.ts';

/** What QEMU said in the recorded session, message by message. */
const RECORDED = readFixtureText('qmp/session.jsonl')
  .trim()
  .split('\n')
  .map((line): TraceRecord => JSON.parse(line))
  .filter(({ direction }) => direction === '<-')
  .map(({ text }) => text);

/** As a monitor with pretty=on would have said it. */
const PRETTY = RECORDED.map((text) => JSON.stringify(JSON.parse(text), null, 4).replaceAll('\n', '\r\n'));

interface Heard {
  readonly messages: readonly QmpMessage[];
  readonly traced: readonly string[];
  readonly end: string;
  /** How often the end was told. */
  readonly ends: number;
}

/** What a channel makes of these pieces and the end after them. */
async function hear(pieces: readonly Buffer[]): Promise<Heard> {
  const [stream, peer] = duplexPair();
  const connection = { endpoint: 'unix:/run/fake.qmp', stream, explainEnd: () => '', close: async () => {} };
  const messages: QmpMessage[] = [];
  const traced: string[] = [];
  let ends = 0;
  const end = new Promise<string>((resolve) => {
    new MessageChannel(connection, ({ text }) => traced.push(text), {
      onMessage: (message) => messages.push(message),
      onEnd: (error) => {
        ends += 1;
        resolve(error?.message ?? 'end of stream');
      },
    });
  });
  for (const piece of pieces) peer.write(piece);
  peer.end();
  await finished(stream, { writable: false });
  await new Promise((resolve) => setImmediate(resolve));
  return { end: await end, ends, messages, traced };
}

describe('MessageChannel', () => {
  for (const [form, texts] of [
    ['one line each', RECORDED],
    ['with pretty=on', PRETTY],
  ] as const) {
    it(`hears a recorded session the same however it is cut, ${form}`, async () => {
      for (const cut of everyCut(Buffer.from(`${texts.join('\r\n')}\r\n`))) {
        const { messages, traced, end } = await hear(cut.pieces);
        expect(messages, cut.name).to.deep.equal(RECORDED.map(decodeMessage));
        expect(traced.map((text) => JSON.parse(text))).to.deep.equal(RECORDED.map((text) => JSON.parse(text)));
        expect(end, cut.name).to.equal('end of stream');
      }
    });
  }

  it('puts characters together that the wire cut', async () => {
    const text = '{"return": "Tür 木 😀", "id": 1}';
    for (const cut of everyCut(Buffer.from(`${text}\r\n`))) {
      expect((await hear(cut.pieces)).messages, cut.name).to.deep.equal([decodeMessage(text)]);
    }
  });

  it('hears the messages before garbage, and nothing after it', async () => {
    const { messages, end } = await hear([Buffer.from('{"id": 1, "return": 1}\n{"a": inf}\n{"id": 2, "return": 2}\n')]);
    expect(messages).to.deep.equal([{ kind: 'return', id: 1, value: 1 }]);
    expect(end).to.contain('expected a JSON object, received "{\\"a\\": inf}"');
  });

  it('hears nothing behind garbage that comes later, and ends once', async () => {
    const pieces = ['{"a": inf}\n{"a": [\n', '1]}\n{"id": 2, "return": 2}\n', '{"id": 3, "return": 3}\n'];
    const { messages, ends } = await hear(pieces.map((piece) => Buffer.from(piece)));
    expect(messages).to.deep.equal([]);
    expect(ends).to.equal(1);
  });

  it('takes a message of 16 MiB on one line, and no line that is longer', async () => {
    const text = (chars: number) => `{"return": "${'x'.repeat(chars - 14)}"}`;
    // What is around the line counts while it has not ended.
    const pieces = (chars: number) => [Buffer.from(text(chars)), Buffer.from('\n')];
    const { messages, end } = await hear(pieces(2 ** 24));
    expect(messages).to.have.lengthOf(1);
    expect(end).to.equal('end of stream');
    const other = await hear(pieces(2 ** 24 + 1));
    expect(other.messages).to.deep.equal([]);
    expect(other.end).to.contain('a line of at most 16777216 bytes');
  });

  it('ends with its stream, however that ends', async () => {
    for (const error of [undefined, new Error('read ECONNRESET')]) {
      const [stream] = duplexPair();
      const connection = { endpoint: 'unix:/run/fake.qmp', stream, explainEnd: () => '', close: async () => {} };
      const end = new Promise((resolve) => {
        new MessageChannel(connection, undefined, { onMessage: () => {}, onEnd: resolve });
      });
      stream.destroy(error);
      expect(await end).to.equal(undefined);
    }
  });

  it('forgives a last message that the end of the stream cut', async () => {
    for (const tail of ['{"return": {', '{"return": "x', '{']) {
      expect(await hear([Buffer.from(`{"id": 1, "return": 1}\n${tail}`)]), tail).to.deep.include({
        messages: [{ kind: 'return', id: 1, value: 1 }],
        end: 'end of stream',
      });
    }
  });
});
