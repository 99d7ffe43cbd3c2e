import { expect } from 'chai';
import { encodePacket, GdbClient } from '../../../../protocols/gdb/index.ts';
import type { Connection } from '../../../../protocols/transport/index.ts';
import { connectScriptedStub } from '../../../../src/guest/rehearsal/scripted-stub.ts';
import { DESCRIPTION, MONITOR_TEXTS } from '../../../../src/guest/rehearsal/scripted-texts.ts';

const TIMES = { requestTimeoutMs: 5000 };

/** The replies to requests, as they are on the wire, one after the other. */
async function say(connection: Connection, ...requests: readonly string[]): Promise<readonly string[]> {
  let answered = (_: string): void => {};
  connection.stream.on('data', (chunk: Uint8Array) => answered(Buffer.from(chunk).toString('latin1')));
  const said: string[] = [];
  for (const request of requests) {
    const reply = new Promise<string>((resolve) => {
      answered = resolve;
    });
    connection.stream.write(encodePacket(request, 1 << 20), 'latin1');
    said.push(await reply);
  }
  return said;
}

/** An ack, and these packets. */
function packets(...payloads: readonly string[]): string {
  return `+${payloads.map((payload) => encodePacket(payload, 1 << 20)).join('')}`;
}

function hexOf(text: string): string {
  return Buffer.from(text, 'latin1').toString('hex');
}

describe('the stub of a rehearsal', () => {
  let connection = connectScriptedStub();
  beforeEach(() => {
    connection = connectScriptedStub();
  });
  afterEach(() => connection.close());

  it('says what it can do, and keeps its mode of memory', async () => {
    expect(await say(connection, 'qSupported', 'qqemu.Supported', 'qqemu.PhyMemMode')).to.deep.equal([
      packets('PacketSize=1000;qXfer:features:read+;vContSupported+;multiprocess+'),
      packets('sstepbits;sstep;PhyMemMode'),
      packets('0'),
    ]);
    const modes = ['Qqemu.PhyMemMode:1', 'qqemu.PhyMemMode', 'Qqemu.PhyMemMode:0', 'qqemu.PhyMemMode', 'Hg0'];
    expect(await say(connection, ...modes)).to.deep.equal(['OK', '1', 'OK', '0', 'OK'].map((reply) => packets(reply)));
    expect(connection.endpoint).to.equal('the rehearsal');
    expect(connection.explainEnd()).to.equal('');
  });

  it('has memory that keeps what is written', async () => {
    expect(await say(connection, 'm1000,8', 'M1000,2:27ff', 'm1000,3', 'mfff,2')).to.deep.equal([
      packets('0720000000000000'),
      packets('OK'),
      packets('27ff00'),
      packets('0027'),
    ]);
  });

  it('gives its description piece by piece', async () => {
    const text = DESCRIPTION['target.xml'] ?? '';
    const read = (annex: string, from: number, length: number) =>
      `qXfer:features:read:${annex}:${from.toString(16)},${length.toString(16)}`;
    const end = text.length;
    const requests = [
      read('target.xml', 0, 16),
      read('target.xml', 16, 0x20),
      read('target.xml', 0, end),
      read('target.xml', 0, end - 1),
      read('target.xml', end - 5, 100),
      read('target.xml', end, 100),
      read('target.xml', end + 1, 100),
      read('other.xml', 0, 100),
    ];
    expect(await say(connection, ...requests)).to.deep.equal([
      packets(`m${text.slice(0, 16)}`),
      packets(`m${text.slice(16, 48)}`),
      packets(`l${text}`),
      packets(`m${text.slice(0, -1)}`),
      packets(`l${text.slice(-5)}`),
      packets('l'),
      packets('E00'),
      packets('E00'),
    ]);
  });

  it('has a monitor that prints a line in each packet, and nothing for what it does not know', async () => {
    const [status, unknown] = await say(connection, `qRcmd,${hexOf('info status')}`, `qRcmd,${hexOf('info kvm')}`);
    expect(status).to.equal(packets(`O${hexOf('VM status: paused\r\n')}`, 'OK'));
    expect(unknown).to.equal(packets('OK'));
    const text = MONITOR_TEXTS.get('info mtree -f') ?? '';
    const lines = text.split('\n').slice(0, -1);
    expect(lines).to.have.length(15);
    const [views] = await say(connection, `qRcmd,${hexOf('info mtree -f')}`);
    expect(views).to.equal(packets(...lines.map((line) => `O${hexOf(`${line}\n`)}`), 'OK'));
  });

  it('has the registers of a vCPU in 64-bit mode, for a client', async () => {
    const client = await GdbClient.connect(connection, TIMES);
    const zeros = ['rax', 'rbx', 'rcx', 'rdx', 'rsi', 'rdi', 'rbp', 'rsp', 'r8', 'r9', 'r10', 'r11', 'r12', 'r13'];
    expect([...(await client.readRegisters(0))]).to.deep.equal([
      ...[...zeros, 'r14', 'r15'].map((name) => [name, 0n]),
      ['rip', 0x1000n],
      ['eflags', 2n],
      ...['cs', 'ss', 'ds', 'es', 'fs', 'gs'].map((name) => [name, 0x10n]),
      ['cr0', 0x8005_0033n],
      ['cr2', 0n],
      ['cr3', 0x1000n],
      ['cr4', 0x50_02a0n],
      ['efer', 0xd01n],
    ]);
  });

  it('is gone when it is closed, at both ends', async () => {
    await connection.close();
    expect(connection.stream).to.have.property('destroyed', true);
  });
});
