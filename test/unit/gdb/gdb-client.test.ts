import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import {
  encodePacket,
  GdbArgumentError,
  GdbBusyError,
  GdbClient,
  type GdbClientOptions,
  GdbClosedError,
  GdbError,
  GdbPacketTooLongError,
  GdbProtocolError,
  GdbReplyError,
  GdbStateError,
  GdbTimeoutError,
  GdbUnsupportedError,
  type StopReply,
} from '../../../protocols/gdb/index.ts';
import { duplexOf, type TraceRecord } from '../../../protocols/transport/internal.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeGdbStub, type FakeStubOptions } from '../../support/fakes/fake-gdb-stub.ts';

const SMALL_LAYOUT =
  'l<target><architecture>i386</architecture><feature name="f"><reg name="eip" bitsize="32"/></feature></target>';

const IMPATIENT: GdbClientOptions = { requestTimeoutMs: 50 };

interface Attached {
  readonly stub: FakeGdbStub;
  readonly client: GdbClient;
}

async function attach(stubOptions: FakeStubOptions = {}, options: GdbClientOptions = {}): Promise<Attached> {
  const stub = new FakeGdbStub(stubOptions);
  const client = await GdbClient.connect(stub.connection, { requestTimeoutMs: 5000, ...options });
  stub.requests.length = 0;
  return { stub, client };
}

async function rejection(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    (value) => expect.fail(`it was fulfilled with ${String(value)}`),
    (error: Error) => error,
  );
}

/** Answers memory reads with what is given, everything else as usual. */
function answerReads(answer: (payload: string) => readonly string[] | undefined): FakeStubOptions {
  return { answer: (payload) => (payload.startsWith('m') ? answer(payload) : 'default') };
}

describe('GdbClient handshake', () => {
  it('asks what there is, and offers nothing', async () => {
    const stub = new FakeGdbStub();
    const client = await GdbClient.connect(stub.connection);
    expect(stub.requests).to.deep.equal(['qSupported', 'qqemu.Supported']);
    expect(client.state).to.equal('open');
    expect(client.features).to.include({ packetSizeBytes: 4096, targetDescription: true, physicalMemoryMode: true });
    expect(client.features.all.get('vContSupported')).to.equal('+');
  });

  it('counts what goes over the wire from the beginning', async () => {
    const trace: TraceRecord[] = [];
    const { client } = await attach({}, { trace: (record) => trace.push(record) });
    const bytes = (way: string) =>
      trace.flatMap(({ direction, text }) => (direction === way ? text : [])).join('').length;
    expect(client.stats).to.deep.equal({
      ...{ packetsSent: 2, packetsReceived: 2, flights: 2 },
      ...{ bytesSent: bytes('->'), bytesReceived: bytes('<-') },
    });
  });

  it('never acks', async () => {
    const { stub, client } = await attach();
    await client.readMemory(0, 8);
    await client.close();
    expect(stub.strayBytes).to.deep.equal([]);
  });

  it('repeats its first packet when the half of another one is in front of it', async () => {
    const stub = new FakeGdbStub({ halfPacket: true });
    const trace: TraceRecord[] = [];
    const client = await GdbClient.connect(stub.connection, { trace: (record) => trace.push(record) });
    expect(stub.requests).to.deep.equal(['qSupported', 'qqemu.Supported']);
    expect(trace.slice(0, 3).map(({ direction, text }) => `${direction} ${text}`)).to.deep.equal([
      ...['-> $qSupported#37', '<- -', '-> $qSupported#37'],
    ]);
    const sent = trace.filter(({ direction }) => direction === '->').map(({ text }) => text);
    expect(client.stats).to.include({ packetsSent: 3, bytesSent: sent.join('').length });
  });

  it('closes the connection at a second nak', async () => {
    const stub = new FakeGdbStub({ answer: () => undefined });
    const connecting = GdbClient.connect(stub.connection);
    await delay(5);
    stub.send('--');
    expect(await rejection(connecting)).to.be.instanceOf(GdbProtocolError);
  });

  it('asks again when a garbled first packet was answered with an error', async () => {
    let asked = 0;
    const first = (payload: string) => (payload === 'qSupported' && asked++ === 0 ? ['E22'] : ('default' as const));
    const stub = new FakeGdbStub({ answer: first });
    await GdbClient.connect(stub.connection);
    expect(asked).to.equal(2);
  });

  it('passes over leftover acks and stop replies', async () => {
    const stub = new FakeGdbStub();
    stub.send(`+${encodePacket('T02thread:01;')}`);
    const client = await GdbClient.connect(stub.connection);
    expect(client.state).to.equal('open');
  });

  it('says that the stub is busy when nothing at all comes', async () => {
    const stub = new FakeGdbStub({ answer: () => undefined });
    stub.send = () => undefined;
    const error = await rejection(GdbClient.connect(stub.connection, { handshakeTimeoutMs: 30 }));
    expect(error).to.be.instanceOf(GdbBusyError);
    expect(error).to.include({
      code: 'ERR_GDB_BUSY',
      timeoutMs: 30,
      endpoint: 'unix:/fake',
      willPauseGuestLater: true,
    });
    expect(error.cause).to.be.instanceOf(GdbTimeoutError);
    expect(error.message).to.contain('queued behind').and.contain("'cont'").and.contain('query-chardev');
  });

  it('does not call a stub busy that acks and then says nothing', async () => {
    const stub = new FakeGdbStub({ answer: () => undefined });
    expect(await rejection(GdbClient.connect(stub.connection, { handshakeTimeoutMs: 30 }))).to.be.instanceOf(
      GdbTimeoutError,
    );
  });

  const STRANGERS: readonly (readonly [name: string, greeting: string, words: string])[] = [
    ['a QMP monitor', '{"QMP": {"version": {}}}\r\n', 'QMP monitor'],
    ['a human monitor', "\x1b[K\r\nQEMU 7.2.22 monitor - type 'help'\r\n(qemu) ", 'human monitor'],
    ['an HTTP server', 'HTTP/1.1 400 Bad Request\r\n', 'HTTP'],
    ['an SSH server', 'SSH-2.0-OpenSSH_9.2\r\n', 'SSH server'],
    ['an SSH server behind an ack', '+SSH-2.0-OpenSSH_9.2\r\n', 'SSH server'],
    ['a VNC server', 'RFB 003.008\n', 'VNC'],
    ['something else', '\0\x01\xff', 'not the GDB remote protocol'],
    ['an echo', encodePacket('qSupported'), 'PacketSize'],
    ['a stub with a silly packet size', encodePacket('PacketSize=1'), 'PacketSize'],
  ];
  for (const [name, greeting, words] of STRANGERS) {
    it(`recognizes ${name}`, async () => {
      const stub = new FakeGdbStub({ answer: () => undefined });
      const connecting = GdbClient.connect(stub.connection);
      await delay(5);
      stub.send(greeting);
      const error = await rejection(connecting);
      expect(error).to.be.instanceOf(GdbProtocolError);
      expect(error.message).to.contain(words).and.contain('unix:/fake');
      // Of a packet only the payload.
      const { received } = error as GdbProtocolError;
      expect(greeting).to.contain(Buffer.from(received).toString('latin1'));
      expect(received.length).to.be.at.least(3);
    });
  }

  it('says so when the connection ends at once', async () => {
    const stub = new FakeGdbStub({ answer: () => undefined, end: 'ssh: exit status 255' });
    const connecting = GdbClient.connect(stub.connection);
    stub.hangUp();
    const error = await rejection(connecting);
    expect(error).to.be.instanceOf(GdbClosedError).and.include({ reason: 'ssh: exit status 255' });
  });

  it('counts the packet size down by one', async () => {
    const answer = (payload: string) => (payload === 'qSupported' ? ['PacketSize=100'] : ('default' as const));
    const { client } = await attach({ answer });
    const error = await rejection(client.monitor('x'.repeat(125)));
    expect(error).to.be.instanceOf(GdbPacketTooLongError).and.include({ lengthChars: 256, limitChars: 255 });
    expect(client.state).to.equal('open');
  });
});

describe('GdbClient pipelining', () => {
  it('gives each reply to its request, whatever comes in between', async () => {
    const stop = { answer: (payload: string) => (payload === 'm3,1' ? ['T02thread:01;', '03'] : ('default' as const)) };
    const { client } = await attach(stop);
    const reads = await Promise.all([1, 2, 3, 4].map((address) => client.readMemory(address, 1)));
    expect(reads.map((bytes) => bytes[0])).to.deep.equal([1, 2, 3, 4]);
  });

  it('sends in one write what is asked in one turn, however deep in promises', async () => {
    const { stub, client } = await attach();
    const writes = stub.clientWrites;
    const deep = async (address: number) => {
      for (let hop = 0; hop < address; hop++) await Promise.resolve();
      return client.readMemory(address, 1);
    };
    await Promise.all([client.readMemory(0, 1), ...[1, 2, 3, 10].map(deep)]);
    expect(stub.requests).to.deep.equal(['m0,1', 'm1,1', 'm2,1', 'm3,1', 'ma,1']);
    expect(stub.clientWrites - writes).to.equal(1);
  });

  it('counts round trips', async () => {
    const { client } = await attach();
    const before = client.stats;
    await Promise.all([client.readMemory(1, 1), client.readMemory(2, 1)]);
    await client.readMemory(3, 1);
    const { flights, packetsSent, packetsReceived, bytesSent } = client.stats;
    expect(flights - before.flights).to.equal(2);
    expect(packetsSent - before.packetsSent).to.equal(3);
    expect(packetsReceived - before.packetsReceived).to.equal(3);
    expect(bytesSent - before.bytesSent).to.equal(3 * '$m1,1#00'.length);
  });

  // By kernel buffers of 512, 512, 1024, and of 512 with a page, for the packet; 768 bytes for its ack; 256 for its head.
  for (const [lengthBytes, charged] of [
    [1, 1536],
    [8, 1536],
    [256, 2048],
    [2048, 5632],
  ] as const) {
    it(`never owes more than the bound with reads of ${lengthBytes} bytes, and uses it`, async () => {
      const { stub, client } = await attach({ slow: true }, { maxOutstandingReplyBytes: 20_000 });
      await client.readMemoryMany(Array.from({ length: 300 }, (_, index) => ({ address: index, lengthBytes })));
      expect(stub.peakOwedBytes).to.be.at.most(20_000);
      expect(stub.peakOwedBytes).to.be.above(20_000 - charged);
    });
  }

  it('sends a request alone whose reply is above the bound', async () => {
    const { stub, client } = await attach({ slow: true }, { maxOutstandingReplyBytes: 600 });
    const pieces = [4, 2048, 4].map((lengthBytes) => ({ address: 16, lengthBytes }));
    const reads = await client.readMemoryMany(pieces);
    expect(reads.map((bytes) => bytes.length)).to.deep.equal([4, 2048, 4]);
    expect(stub.peakOwedBytes).to.equal(5632);
  });

  it('has a monitor command under way among others, and tells its output from their replies', async () => {
    const answer = (payload: string) =>
      payload.startsWith('qRcmd') ? [`O${hex('one\r\nt')}`, `O${hex('wo\r\n')}`, 'OK'] : ('default' as const);
    const { stub, client } = await attach({ answer, slow: true });
    const { flights } = client.stats;
    const [before, output, after] = await Promise.all([
      client.readMemory(1, 1),
      client.monitor('info status'),
      client.readMemory(2, 1),
    ]);
    expect(output).to.equal('one\ntwo\n');
    expect([before[0], after[0]]).to.deep.equal([1, 2]);
    expect(stub.requests).to.deep.equal(['m1,1', `qRcmd,${hex('info status')}`, 'm2,1']);
    expect(client.stats.flights - flights).to.equal(1);
  });

  it('gives no result of a flight that is not complete', async () => {
    // The stub swallows the first packet, as it does when another client resumed the guest: all replies are one too early.
    let reads = 0;
    const answer = answerReads((payload) => (reads++ === 0 ? undefined : [payload.slice(1, 3)]));
    const { client } = await attach(answer, IMPATIENT);
    const settled = await Promise.allSettled([0x10, 0x11, 0x12].map((address) => client.readMemory(address, 1)));
    expect(settled.map(({ status }) => status)).to.deep.equal(['rejected', 'rejected', 'rejected']);
  });

  it('rejects only the request that is refused', async () => {
    const { client } = await attach(answerReads((payload) => [payload === 'm2,1' ? 'E14' : '07']));
    const [good, bad, other] = await Promise.allSettled([1, 2, 3].map((address) => client.readMemory(address, 1)));
    expect(good?.status).to.equal('fulfilled');
    expect(other?.status).to.equal('fulfilled');
    const { reason } = bad as PromiseRejectedResult;
    expect(reason).to.be.instanceOf(GdbReplyError).and.include({ errno: 14, request: 'm2,1', endpoint: 'unix:/fake' });
    expect(client.state).to.equal('open');
  });
});

describe('GdbClient failures', () => {
  it('fails after a missing reply, and takes nothing more', async () => {
    const { stub, client } = await attach(
      answerReads(() => undefined),
      IMPATIENT,
    );
    const [first, second] = await Promise.all([rejection(client.readMemory(1, 1)), rejection(client.readMemory(2, 1))]);
    expect(first).to.be.instanceOf(GdbTimeoutError).and.include({ request: 'm1,1', timeoutMs: 50, stopSeen: false });
    expect(first.message).to.contain('resumed').and.contain('query-status');
    expect(second).to.equal(first);
    expect(client.state).to.equal('failed');
    stub.requests.length = 0;
    const later = await rejection(client.readMemory(3, 1));
    expect(later)
      .to.be.instanceOf(GdbStateError)
      .and.include({ code: 'ERR_GDB_STATE', state: 'failed', request: 'm3,1' });
    expect(later.cause).to.equal(first);
    expect(stub.requests).to.deep.equal([]);
    await client.close();
    const closed = await rejection(client.readMemory(3, 1));
    expect(closed).to.be.instanceOf(GdbStateError).and.include({ state: 'closed' });
    expect(closed.cause).to.equal(first);
  });

  it('says that another client resumed the guest when the stub reported a stop instead', async () => {
    const { client } = await attach(
      answerReads(() => ['T02thread:01;']),
      IMPATIENT,
    );
    const error = await rejection(client.readMemory(1, 1));
    expect(error).to.be.instanceOf(GdbTimeoutError).and.include({ stopSeen: true });
  });

  it('does not time out while replies keep coming', async () => {
    const { stub, client } = await attach(
      answerReads(() => undefined),
      { requestTimeoutMs: 200 },
    );
    const reading = client.readMemoryMany(Array.from({ length: 6 }, () => ({ address: 1, lengthBytes: 1 })));
    for (let reply = 0; reply < 6; reply++) {
      await delay(50);
      stub.send(`+${encodePacket('01')}`);
    }
    expect(await reading).to.have.length(6);
  });

  it('takes 1 MiB of acks before an answer, each time, and no more', async () => {
    const { stub, client } = await attach(answerReads(() => undefined));
    const mebibyte = 2 ** 20;
    for (let round = 0; round < 2; round++) {
      const reading = client.readMemory(1, 1);
      await delay(5);
      // The stub has acknowledged the request itself.
      stub.send(`${'+'.repeat(mebibyte - 1)}${encodePacket('01')}`);
      expect((await reading)[0]).to.equal(1);
    }
    const failure = rejection(client.readMemory(1, 1));
    await delay(5);
    stub.send('+'.repeat(mebibyte));
    expect((await failure).message).to.contain('more than 1048576 bytes of acks and stop replies');
  });

  it('is not kept waiting by acks', async () => {
    const { stub, client } = await attach(
      answerReads(() => undefined),
      IMPATIENT,
    );
    const trickle = setInterval(() => stub.send('+'), 10);
    expect(await rejection(client.readMemory(1, 1))).to.be.instanceOf(GdbTimeoutError);
    clearInterval(trickle);
  });

  it('finds a reply that came while the process was suspended', async () => {
    const { client } = await attach({}, IMPATIENT);
    const reading = client.readMemory(1, 1);
    await delay(0);
    const resumeAt = Date.now() + 100;
    while (Date.now() < resumeAt);
    expect((await reading)[0]).to.equal(1);
  });

  it('fails at a nak, since no byte gets lost on the way', async () => {
    const { stub, client } = await attach(answerReads(() => undefined));
    const reading = client.readMemory(1, 1);
    await delay(5);
    stub.send('-');
    expect(await rejection(reading)).to.be.instanceOf(GdbProtocolError);
    expect(stub.requests).to.deep.equal(['m1,1']);
  });

  const BAD_REPLIES: readonly (readonly [name: string, wire: string])[] = [
    ['a reply of the wrong length', encodePacket('000000')],
    ['a reply that is not hexadecimal', encodePacket('zz')],
    ['a reply to something else', encodePacket('OK')],
    ['a damaged packet', '$00#00'],
    ['garbage', 'x'],
    ['two replies', encodePacket('00').repeat(2)],
  ];
  for (const [name, wire] of BAD_REPLIES) {
    it(`fails at ${name}`, async () => {
      const { stub, client } = await attach(answerReads(() => undefined));
      const reading = client.readMemory(1, 1);
      reading.catch(() => undefined);
      await delay(5);
      stub.send(wire);
      await delay(5);
      expect(client.state).to.equal('failed');
      const error = await rejection(client.readMemory(1, 1));
      expect(error.cause).to.be.instanceOf(GdbProtocolError);
    });
  }

  it('shows what came, where a packet before it came in pieces', async () => {
    const { stub, client } = await attach(answerReads(() => undefined));
    const reading = client.readMemory(1, 1);
    await delay(5);
    stub.send('+$0');
    await delay(5);
    stub.send('0#60HTTP/1.1');
    const error = await rejection(reading);
    expect(error.message).to.contain('0#60HTTP/1.1');
  });

  it('rejects everything, promptly, when QEMU goes', async () => {
    const { stub, client } = await attach(answerReads(() => undefined));
    const readings = [client.readMemory(1, 1), client.readMemory(2, 4096)].map(rejection);
    await delay(5);
    stub.send('+$00');
    stub.hangUp();
    for (const error of await Promise.all(readings)) {
      expect(error).to.be.instanceOf(GdbClosedError).and.include({ code: 'ERR_GDB_CLOSED', endpoint: 'unix:/fake' });
    }
  });

  it('knows that QEMU exits when it says so', async () => {
    const { stub, client } = await attach(answerReads(() => undefined));
    const stops: StopReply[] = [];
    client.onStop((stop) => stops.push(stop));
    const reading = client.readMemory(1, 1);
    stub.send(encodePacket('W00'));
    const error = await rejection(reading);
    expect(error).to.be.instanceOf(GdbClosedError);
    expect(error.message).to.contain('W00');
    expect(stops).to.deep.equal([{ kind: 'exited', status: 0, text: 'W00' }]);
  });

  it('fails when the stream breaks', async () => {
    const { stub, client } = await attach(answerReads(() => undefined));
    const reading = client.readMemory(1, 1);
    const cause = new Error('read ECONNRESET');
    duplexOf(stub.connection).destroy(cause);
    const error = await rejection(reading);
    expect(error).to.be.instanceOf(GdbClosedError).and.include({ reason: 'read ECONNRESET' });
    expect(error.cause).to.equal(cause);
  });

  it('closes without a word, once', async () => {
    const { stub, client } = await attach(answerReads(() => undefined));
    const reading = rejection(client.readMemory(1, 1));
    await delay(5);
    await client.close();
    await client.close();
    expect(client.state).to.equal('closed');
    expect(await reading).to.be.instanceOf(GdbClosedError);
    expect(stub.requests).to.deep.equal(['m1,1']);
    expect(await rejection(client.readMemory(1, 1))).to.be.instanceOf(GdbStateError);
  });

  it('is not unwound by a listener that throws', async () => {
    const { stub, client } = await attach();
    const thrown = new Error('a bug of the listener');
    client.onStop(() => {
      throw thrown;
    });
    // mocha's own listener would take it for a failure of this test.
    const others = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    const caught = new Promise((resolve) => process.once('uncaughtException', resolve));
    stub.send(encodePacket('T05thread:02;'));
    expect(await caught).to.equal(thrown);
    for (const listener of others) process.on('uncaughtException', listener);
    expect((await client.readMemory(5, 1))[0]).to.equal(5);
  });
});

describe('GdbClient requests', () => {
  it('splits reads at 2048 bytes and writes at 1024', async () => {
    const { stub, client } = await attach();
    const bytes = await client.readMemory(0x10n, 5000);
    expect(stub.requests).to.deep.equal(['m10,800', 'm810,800', 'm1010,388']);
    expect([...bytes.subarray(0, 2), bytes[4999]]).to.deep.equal([0x10, 0x11, (0x10 + 4999) & 0xff]);
    stub.requests.length = 0;
    await client.writeMemory(0x1000, new Uint8Array(2050).fill(0xab));
    expect(stub.requests.map((request) => request.split(':')[0])).to.deep.equal(['M1000,400', 'M1400,400', 'M1800,2']);
    expect(stub.requests[2]).to.equal('M1800,2:abab');
  });

  it('sends nothing for nothing', async () => {
    const { stub, client } = await attach();
    expect(await client.readMemory(1, 0)).to.have.length(0);
    expect(await client.readMemoryMany([])).to.deep.equal([]);
    await client.writeMemory(1, new Uint8Array(0));
    expect(stub.requests).to.deep.equal([]);
  });

  it('reads at both ends of the address space', async () => {
    const { stub, client } = await attach();
    expect([...(await client.readMemory(0n, 2))]).to.deep.equal([0, 1]);
    expect([...(await client.readMemory(0, 2))]).to.deep.equal([0, 1]);
    stub.requests.length = 0;
    const bytes = await client.readMemory(0xffff_ffff_ffff_fff8n, 8);
    expect(stub.requests).to.deep.equal(['mfffffffffffffff8,8']);
    expect(bytes[7]).to.equal(0xff);
  });

  it('reads blocks into one buffer', async () => {
    const { stub, client } = await attach();
    const target = new Uint8Array(10).fill(0xee);
    await client.readBlocks({ addresses: Float64Array.of(0x20, 0x12, 0x2_0000_0030), blockBytes: 3, target });
    expect(stub.requests).to.deep.equal(['m20,3', 'm12,3', 'm200000030,3']);
    expect([...target]).to.deep.equal([0x20, 0x21, 0x22, 0x12, 0x13, 0x14, 0x30, 0x31, 0x32, 0xee]);
    const blocks = { addresses: [0x20n, 0x12n], blockBytes: 5 };
    await client.readBlocks({ ...blocks, target });
    expect([...target]).to.deep.equal([0x20, 0x21, 0x22, 0x23, 0x24, 0x12, 0x13, 0x14, 0x15, 0x16]);
    const short = await rejection(client.readBlocks({ ...blocks, target: target.subarray(1) }));
    expect(short).to.be.instanceOf(GdbArgumentError);
    expect(short.message).to.contain('2 blocks of 5 bytes do not fit 9 bytes');
  });

  it('refuses what can be no range, and sends nothing', async () => {
    const { stub, client } = await attach();
    const attempts = [
      client.readMemory(-1n, 1),
      client.readMemory(-1, 1),
      client.readMemory(0.5, 1),
      client.readMemory(2 ** 53, 1),
      client.readMemory(0xffff_ffff_ffff_fff8n, 9),
      client.readMemory(1n << 64n, 1),
      client.writeMemory(0xffff_ffff_ffff_ffffn, new Uint8Array(2)),
      client.readMemoryMany([
        { address: 0, lengthBytes: 8 },
        { address: -1, lengthBytes: 8 },
      ]),
      client.readBlocks({ addresses: [0, 8], blockBytes: 8, target: new Uint8Array(15) }),
      client.readRegisters(-1),
      client.readRegisters(1.5),
      client.selectThread(-1),
      client.threadExtraInfo(-1),
      client.monitor(''),
      client.monitor('info\nquit'),
    ].map(rejection);
    for (const error of await Promise.all(attempts)) expect(error).to.be.instanceOf(GdbArgumentError);
    expect(stub.requests).to.deep.equal([]);
    for (const length of [-1, 0.5, Number.NaN]) {
      expect(await rejection(client.readMemoryMany([{ address: 0, lengthBytes: length }]))).to.be.instanceOf(Error);
    }
  });

  it('verifies the memory mode', async () => {
    const { stub, client } = await attach();
    expect(client.physicalMode).to.equal(undefined);
    await client.setPhysicalMode(true);
    expect(client.physicalMode).to.equal(true);
    expect(stub.requests).to.deep.equal(['Qqemu.PhyMemMode:1', 'qqemu.PhyMemMode']);
    await client.setPhysicalMode(false);
    expect(client.physicalMode).to.equal(false);
  });

  it('does not believe a stub that says OK and does not switch', async () => {
    const answer = (payload: string) => (payload === 'qqemu.PhyMemMode' ? ['0'] : ('default' as const));
    const { client } = await attach({ answer });
    const error = await rejection(client.setPhysicalMode(true));
    expect(error).to.be.instanceOf(GdbError).and.include({ endpoint: 'unix:/fake' });
    expect(client.physicalMode).to.equal(false);
  });

  it('says which QEMU is needed for physical memory', async () => {
    const answer = (payload: string) => (payload.includes('PhyMemMode') ? [''] : ('default' as const));
    const { client } = await attach({ answer });
    const error = await rejection(client.setPhysicalMode(true));
    expect(error).to.be.instanceOf(GdbUnsupportedError).and.include({ code: 'ERR_GDB_UNSUPPORTED' });
    expect(error.message).to.contain('QEMU 4.2');
    expect(client.state).to.equal('open');
  });

  it('lists threads in either syntax', async () => {
    for (const ids of [
      ['01', '02', '0a'],
      ['p01.01', 'p01.02', 'p01.0a'],
    ]) {
      const left = ids.map((id) => `m${id}`);
      const answer = (payload: string) =>
        payload.endsWith('ThreadInfo') ? [left.shift() ?? 'l'] : ('default' as const);
      const { client } = await attach({ answer });
      const threads = await client.threads();
      expect(threads.map(({ cpuIndex, id }) => [cpuIndex, id])).to.deep.equal(
        ids.map((id, index) => [[0, 1, 9][index], id]),
      );
    }
  });

  it('lists up to 15 threads in one round trip, each later one behind the one before', async () => {
    const list = async (count: number) => {
      let left = count;
      const answer = (payload: string) =>
        payload.endsWith('ThreadInfo') ? [left > 0 ? `m${(left--).toString(16)}` : 'l'] : ('default' as const);
      const { stub, client } = await attach({ answer });
      const { flights } = client.stats;
      const indexes = (await client.threads()).map(({ cpuIndex }) => cpuIndex);
      return { indexes, flights: client.stats.flights - flights, requests: stub.requests };
    };
    for (const [count, flights] of [
      [15, 1],
      [16, 2],
      [31, 2],
      [32, 3],
    ] as const) {
      const listed = await list(count);
      expect(listed.indexes).to.deep.equal(Array.from({ length: count }, (_, index) => index));
      expect(listed.flights, String(count)).to.equal(flights);
      expect(listed.requests[0]).to.equal('qfThreadInfo');
      expect(new Set(listed.requests.slice(1))).to.deep.equal(new Set(['qsThreadInfo']));
    }
  });

  it('takes as many threads as a machine can have, and is not held by more', async () => {
    const ids = Array(4096).fill('1').join();
    const list = async (replies: readonly string[]) => {
      const left = [...replies];
      const answer = (payload: string) =>
        payload.endsWith('ThreadInfo') ? [left.shift() ?? 'l'] : ('default' as const);
      return (await attach({ answer })).client.threads();
    };
    expect(await list([`m${ids}`, `m${ids}`])).to.have.lengthOf(8192);
    const error = await rejection(list([`m${ids}`, `m${ids}`, 'm1']));
    expect(error).to.be.instanceOf(GdbError);
    expect(error.message).to.contain('more than 8192 threads');
  });

  it('asks about a thread only if it exists', async () => {
    const answer = (payload: string) => {
      if (payload === 'T3') return ['E22'];
      return payload === 'qThreadExtraInfo,2' ? [hex('CPU#1 [halted ]')] : ('default' as const);
    };
    const { stub, client } = await attach({ answer });
    expect(await client.threadExtraInfo(1)).to.deep.equal({ text: 'CPU#1 [halted ]', isHalted: true });
    expect(await client.threadExtraInfo(2)).to.equal(undefined);
    expect(stub.requests).to.deep.equal(['T2', 'qThreadExtraInfo,2', 'T3']);
  });

  it('reads registers of the CPU asked for, in one flight', async () => {
    const answer = (payload: string) => {
      if (payload.startsWith('qXfer')) return [SMALL_LAYOUT];
      return payload === 'g' ? ['78563412'] : ('default' as const);
    };
    const { stub, client } = await attach({ answer });
    await client.layout();
    stub.requests.length = 0;
    const { flights } = client.stats;
    expect((await client.readRegisters(3)).get('eip')?.toString(16)).to.equal('12345678');
    expect(stub.requests).to.deep.equal(['Hg4', 'g']);
    expect(client.stats.flights - flights).to.equal(1);
  });

  it('gives no registers when the CPU could not be selected', async () => {
    const answer = (payload: string) => {
      if (payload.startsWith('qXfer')) return [SMALL_LAYOUT];
      if (payload === 'Hg4') return ['E22'];
      return payload === 'g' ? ['78563412'] : ('default' as const);
    };
    const { client } = await attach({ answer });
    expect(await rejection(client.readRegisters(3)))
      .to.be.instanceOf(GdbReplyError)
      .and.include({ request: 'Hg4' });
  });

  it('joins the pieces of a description that come shorter than asked for', async () => {
    const text = `${SMALL_LAYOUT.slice(1, -9)}<!--${'x'.repeat(30_000)}--></target>`;
    const answer = (payload: string) => {
      const match = /^qXfer:features:read:target.xml:([0-9a-f]+),([0-9a-f]+)$/.exec(payload);
      if (match === null) return 'default' as const;
      const start = Number.parseInt(match[1] ?? '', 16);
      if (start > text.length) return ['E00'];
      const end = start + Math.min(Number.parseInt(match[2] ?? '', 16), 700);
      return [`${end < text.length ? 'm' : 'l'}${text.slice(start, end)}`];
    };
    const { client } = await attach({ answer });
    expect((await client.layout()).registers).to.have.length(1);
  });

  it('asks for five pieces of a description at once, from where the last one ended', async () => {
    const text = `${SMALL_LAYOUT.slice(1, -9)}<!--${'x'.repeat(10_000)}--></target>`;
    const { stub, client } = await attach(describedBy(text));
    const { flights } = client.stats;
    await client.layout();
    expect(client.stats.flights - flights).to.equal(2);
    expect(stub.requests.slice(0, 6).map((request) => request.split(':').at(-1))).to.deep.equal([
      ...['0,7d0', '7d0,7d0', 'fa0,7d0', '1770,7d0', '1f40,7d0', '2710,7d0'],
    ]);
  });

  it('takes a file of a description of 1 MiB, and no more', async () => {
    const padded = (sizeBytes: number): string => SMALL_LAYOUT.slice(1).padEnd(sizeBytes);
    const { client } = await attach(describedBy(padded(2 ** 20)));
    expect((await client.layout()).registers).to.have.length(1);
    const other = await attach(describedBy(padded(2 ** 20 + 1)));
    expect((await rejection(other.client.layout())).message).to.contain('longer than 1048576 bytes');
  });

  it('reads a description once, also one that cannot be used, and again after a refusal', async () => {
    for (const [first, isKept] of [
      [SMALL_LAYOUT, true],
      ['l<target/>', true],
      ['', true],
      ['E22', false],
    ] as const) {
      let asked = 0;
      const answer = (payload: string) => {
        if (!payload.startsWith('qXfer')) return 'default' as const;
        return [payload.includes(':0,') && asked++ === 0 ? first : SMALL_LAYOUT];
      };
      const { client } = await attach({ answer });
      const outcome = () => client.layout().then(({ registers }) => registers.length, String);
      const [before, after] = [await outcome(), await outcome()];
      expect(asked, first).to.equal(isKept ? 1 : 2);
      expect(after).to.equal(isKept ? before : 1);
    }
  });

  it('is not held by a description without an end', async () => {
    for (const [piece, problem] of [
      ['m', 'empty pieces'],
      ['mx', 'not whole after 256 round trips'],
      [`m${'x'.repeat(2000)}`, 'longer than'],
    ] as const) {
      const answer = (payload: string) => (payload.startsWith('qXfer') ? [piece] : ('default' as const));
      const { stub, client } = await attach({ answer });
      const error = await rejection(client.layout());
      expect(error).to.include({ code: 'ERR_GDB_TARGET_DESCRIPTION', annex: 'target.xml' });
      expect(error.message).to.contain(problem);
      expect(stub.requests).to.have.length.at.most(256 * 5);
    }
  });

  it('traces 4096 bytes of what is no packet, and of a packet that is damaged', async () => {
    for (const [wire, evidence] of [
      ['x'.repeat(5000), 'x'.repeat(4096)],
      [`$${'0'.repeat(5000)}#00`, `$${'0'.repeat(4095)}`],
      ['-', '-'],
    ] as const) {
      const trace: TraceRecord[] = [];
      const { stub, client } = await attach({}, { trace: (record) => trace.push(record) });
      stub.send(wire);
      await eventually('the client has failed', () => client.state === 'failed');
      expect(trace.at(-1)).to.deep.equal({ channel: 'gdb', direction: '<-', text: evidence });
    }
  });

  it('has a timer while an answer is owed, and leaves none behind', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    for (const [answer, held] of [
      [['01'], 0],
      [undefined, 1],
    ] as const) {
      const { stub, client } = await attach(answerReads(() => answer));
      const reading = client.readMemory(1, 1).catch((error: Error) => error);
      if (answer === undefined) await eventually('it was asked', () => stub.requests.length > 0);
      else await reading;
      // In one turn, as timers of other tests begin and end, too.
      const open = timers();
      const closing = client.close();
      expect(open - timers()).to.equal(held);
      await Promise.all([closing, reading]);
    }
  });

  it('traces every packet and ack as it travels', async () => {
    const trace: TraceRecord[] = [];
    const { client } = await attach({}, { trace: (record) => trace.push(record) });
    trace.length = 0;
    await client.readMemory(0xab, 1);
    expect(trace).to.deep.equal([
      { channel: 'gdb', direction: '->', text: '$mab,1#8d' },
      { channel: 'gdb', direction: '<-', text: '+' },
      { channel: 'gdb', direction: '<-', text: '$ab#c3' },
    ]);
  });
});

/** A stub whose target.xml this is, in pieces as long as they are asked for. */
function describedBy(text: string): FakeStubOptions {
  const answer = (payload: string) => {
    const match = /^qXfer:features:read:target.xml:([0-9a-f]+),([0-9a-f]+)$/.exec(payload);
    if (match === null) return 'default' as const;
    const start = Number.parseInt(match[1] ?? '', 16);
    const end = start + Number.parseInt(match[2] ?? '', 16);
    if (start > text.length) return ['E00'];
    return [`${end < text.length ? 'm' : 'l'}${text.slice(start, end)}`];
  };
  return { answer };
}

function hex(text: string): string {
  return Buffer.from(text).toString('hex');
}
