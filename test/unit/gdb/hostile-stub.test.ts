import { expect } from 'chai';
import { monitorRequest } from '../../../protocols/gdb/commands/features/monitor.ts';
import {
  encodePacket,
  GdbClient,
  type GdbClientOptions,
  GdbError,
  GdbProtocolError,
  GdbTargetDescriptionError,
  GdbTimeoutError,
} from '../../../protocols/gdb/index.ts';
import { expectRejection } from '../../support/expect-rejection.ts';
import { FakeGdbStub, type FakeStubOptions } from '../../support/fakes/fake-gdb-stub.ts';

async function attach(
  answer: NonNullable<FakeStubOptions['answer']>,
  options: GdbClientOptions = {},
): Promise<{ stub: FakeGdbStub; client: GdbClient }> {
  const stub = new FakeGdbStub({ answer });
  return { stub, client: await GdbClient.connect(stub.connection, { requestTimeoutMs: 60_000, ...options }) };
}

/** Answers nothing to the human monitor, and everything else as usual. */
function silentMonitor(payload: string): 'default' | undefined {
  return payload.startsWith('qRcmd') ? undefined : 'default';
}

/** Sends it again in each turn of the event loop, once it was asked for something and until the client has closed the connection. */
function sendForever(stub: FakeGdbStub, client: GdbClient, text: string): void {
  if (client.state !== 'open') return;
  if (stub.requests.some((request) => request.startsWith('qRcmd'))) stub.send(text);
  setImmediate(() => sendForever(stub, client, text));
}

const packets = (payload: string, count: number): string => encodePacket(payload, 65_536).repeat(count);

describe('a stub that means no good', () => {
  const ENDLESS: ReadonlyArray<readonly [what: string, text: string, problem: RegExp]> = [
    ['stop replies', packets('T05thread:01;', 1000), /more than 1048576 bytes of acks and stop replies/],
    ['acks', '+'.repeat(10_000), /more than 1048576 bytes of acks and stop replies/],
    ['output', packets(`O${'41'.repeat(16_000)}`, 40), /more than 16777216 bytes of monitor output/],
    ['a packet without end', '$'.padEnd(10_000, 'x'), /a damaged packet/],
    ['wrong checksums', '$O41#00', /a damaged packet \(checksum\)/],
    ['refusals', '-', /refused a packet as damaged/],
    ['what no stub says', 'HTTP/1.1 400 Bad Request\r\n', /HTTP server/],
  ];
  for (const [what, text, problem] of ENDLESS) {
    it(`loses its connection when it sends ${what} and no answer`, async () => {
      const { stub, client } = await attach(silentMonitor);
      const answer = expectRejection(client.monitor('info mtree -f'));
      sendForever(stub, client, text);
      expect(await answer)
        .to.be.instanceOf(GdbProtocolError)
        .with.property('message')
        .that.matches(problem);
      expect(client.state).to.equal('failed');
    });
  }

  for (const [what, packet] of [
    ['empty packets', 'O'],
    ['single characters', 'O41'],
  ] as const) {
    it(`cannot send output without end in ${what}`, () => {
      const request = monitorRequest('info mtree -f');
      const bytes = Buffer.from(packet);
      let taken = 0;
      expect(() => {
        while (request.absorb?.(bytes, { endpoint: 'unix:/fake' })) taken++;
      }).to.throw(GdbProtocolError, /more than 16777216 bytes of monitor output/);
      // Three bytes of the wire for each byte of output, an ack with each packet.
      expect(taken * `+$${packet}#00`.length).to.equal(3 * 2 ** 24);
    });
  }

  for (const [what, text] of [
    ['output', packets('O41', 1)],
    ['stop replies', packets('T05thread:01;', 1)],
    ['acks', '+'],
  ] as const) {
    it(`cannot put off a timeout by sending ${what}`, async () => {
      const { stub, client } = await attach(silentMonitor, { requestTimeoutMs: 150 });
      const answer = expectRejection(client.monitor('info mtree -f'));
      sendForever(stub, client, text);
      expect(await answer).to.be.instanceOf(GdbTimeoutError);
    });
  }

  it('cannot list threads without end', async () => {
    const { client } = await attach((payload) => (/^q[fs]ThreadInfo$/.test(payload) ? ['m01,02,03'] : 'default'));
    expect(await expectRejection(client.threads()))
      .to.be.instanceOf(GdbError)
      .with.property('message')
      .that.matches(/more than 8192 threads/);
  });

  it('cannot give a description a byte at a time', async () => {
    const { client } = await attach((payload) => (payload.startsWith('qXfer') ? ['m '] : 'default'));
    expect(await expectRejection(client.layout()))
      .to.be.instanceOf(GdbTargetDescriptionError)
      .with.property('message')
      .that.matches(/not whole after 256 round trips/);
  });

  it('cannot describe more than a machine has', async () => {
    const registers = Array.from({ length: 4097 }, (_, at) => `<reg name="r${at}" bitsize="8"/>`).join('');
    const FILES: Readonly<Record<string, string>> = {
      'target.xml': '<target><architecture>i386</architecture><xi:include href="a.xml"/></target>',
      'a.xml': `<feature name="f">${registers}</feature>`,
    };
    const { client } = await attach((payload) => {
      const [, annex = '', offset = ''] = /^qXfer:features:read:([^:]+):([0-9a-f]+),/.exec(payload) ?? [];
      const file = FILES[annex];
      if (file === undefined) return 'default';
      const start = Number.parseInt(offset, 16);
      return [`${start + 2000 < file.length ? 'm' : 'l'}${file.slice(start, start + 2000)}`];
    });
    expect((await expectRejection(client.layout())).message).to.match(/more than 4096 registers/);
  });

  it('cannot bring control characters into a message', async () => {
    const { client } = await attach((payload) =>
      payload.startsWith('qXfer')
        ? ['l<target><architecture>\u001b[2J\u009b\u0007</architecture></target>']
        : 'default',
    );
    expect((await expectRejection(client.layout())).message).to.contain("'\\u001b[2J\\u009b\\u0007'");
  });

  it('may send an answer byte by byte', async () => {
    const { stub, client } = await attach(silentMonitor);
    const answer = client.monitor('info status');
    await new Promise((resolve) => setImmediate(resolve));
    for (const byte of `+${packets('O41', 3)}${packets('OK', 1)}`) stub.send(byte);
    expect(await answer).to.equal('AAA');
  });
});
