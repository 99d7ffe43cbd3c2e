import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { writeMemoryRequest } from '../../../protocols/gdb/commands/memory/write-memory.ts';
import {
  encodePacket,
  GdbArchitectureError,
  GdbBusyError,
  GdbClient,
  type GdbClientOptions,
  GdbClosedError,
  GdbPacketTooLongError,
  GdbProtocolError,
  GdbReplyError,
  GdbRunControl,
  GdbTimeoutError,
  type RegisterValues,
  type StopReply,
} from '../../../protocols/gdb/index.ts';
import { type Connection, connect, duplexOf, type TraceRecord } from '../../../protocols/transport/internal.ts';
import { launchQemu, QemuLaunchError, type QemuOptions, type QemuProcess } from '../../../src/testing/index.ts';
import { launchKernel } from '../../support/live/guest/kernel-guest.ts';
import { Witness } from '../../support/live/guest/witness.ts';
import { Random } from '../../support/random/random.ts';

/** A PC that has not executed its first instruction. */
const EMPTY_PC: QemuOptions = { machine: 'pc', accel: 'tcg', smp: 2, memory: '128M', paused: true, debugcon: false };

const open = (guest: QemuProcess): Promise<Connection> => connect(guest.gdbEndpoint, { timeoutMs: 5000 });

async function attach(guest: QemuProcess, options: GdbClientOptions = {}): Promise<GdbClient> {
  return GdbClient.connect(await open(guest), options);
}

async function rejection(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    (value) => expect.fail(`it was fulfilled with ${String(value)}`),
    (error: Error) => error,
  );
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** The bytes that a monitor command like `xp /16xb 0x1000` shows. */
const shownBytes = (text: string) => (text.match(/0x[0-9a-f]{2}\b/g) ?? []).map((byte) => byte.slice(2)).join('');

/** `NAME=value` of `info registers`, for values of one register each. */
function shownRegister(text: string, name: string): string {
  return new RegExp(`\\b${name} ?=\\s*([0-9a-f]+)`).exec(text)?.[1] ?? '';
}

const shownLike = (values: RegisterValues, name: string, digits: number) =>
  (values.get(name) ?? -1n).toString(16).padStart(digits, '0');

describe('GdbClient on a paused PC', () => {
  let guest: QemuProcess;
  let client: GdbClient;

  beforeEach(async () => {
    guest = await launchQemu(EMPTY_PC);
    client = await attach(guest);
  });

  afterEach(async () => {
    await client.close();
    await guest.stop();
  });

  it('shakes hands', async () => {
    expect(client.features).to.include({ packetSizeBytes: 4096, targetDescription: true, physicalMemoryMode: true });
    expect([...client.features.qemu]).to.include.members(['sstepbits', 'sstep', 'PhyMemMode']);
    expect(await client.threads()).to.deep.equal([
      { cpuIndex: 0, id: '01' },
      { cpuIndex: 1, id: '02' },
    ]);
    expect(await client.threadExtraInfo(1)).to.include({ isHalted: true });
    expect(await client.threadExtraInfo(2)).to.equal(undefined);
  });

  it('lays out the registers of qemu-system-x86_64 in two round trips', async () => {
    const { flights } = client.stats;
    const layout = await client.layout();
    expect(layout).to.include({ architecture: 'i386:x86-64', sizeBytes: 608 });
    expect(layout.registers).to.have.length(66);
    expect(client.stats.flights - flights).to.equal(2);
    expect((await client.readRegisters(0)).size).to.equal(66);
  });

  it('knows that there is no third CPU', async () => {
    const error = await rejection(client.readRegisters(2));
    expect(error).to.be.instanceOf(GdbReplyError).and.include({ errno: 22, request: 'Hg3' });
    expect(client.state).to.equal('open');
  });

  it('reads physical memory as the monitor shows it', async () => {
    await client.setPhysicalMode(true);
    const [vector, table] = await client.readMemoryMany([
      { address: 0xffff_fff0, lengthBytes: 16 },
      { address: 0xf_0000n, lengthBytes: 5000 },
    ]);
    expect(hex(vector ?? new Uint8Array())).to.equal(shownBytes(await client.monitor('xp /16xb 0xfffffff0')));
    expect(hex(table ?? new Uint8Array())).to.equal(shownBytes(await client.monitor('xp /5000xb 0xf0000')));
    expect(vector?.[0]).to.equal(0xea);
  });

  it('writes what it reads again, whatever the size and alignment', async () => {
    await client.setPhysicalMode(true);
    const seed = Date.now();
    const random = new Random(seed);
    for (const [address, length] of [
      [0x1000n, 1],
      [0x12345n, 1024],
      [0x20001n, 1025],
      [0x30003n, 70_001],
    ] as const) {
      const bytes = Uint8Array.from({ length }, () => random.below(256));
      await client.writeMemory(address, bytes);
      expect(hex(await client.readMemory(address, length)), `seed ${seed}`).to.equal(hex(bytes));
      const end = address + BigInt(length) - 1n;
      expect(shownBytes(await client.monitor(`xp /1xb 0x${end.toString(16)}`))).to.equal(hex(bytes.subarray(-1)));
    }
  });

  it('leaves physical mode off, and sees that it is', async () => {
    await client.setPhysicalMode(true);
    await client.setPhysicalMode(false);
    expect(client.physicalMode).to.equal(false);
    await client.close();
    client = await attach(guest);
    // The answer of a virtual read that leads nowhere: physical reads always succeed.
    const control = await GdbRunControl.take(client);
    await control.writeRegister(0, 'cr3', 0n);
    await control.writeRegister(0, 'cr0', 0x8000_0011n);
    expect(await rejection(client.readMemory(0x1000, 8)))
      .to.be.instanceOf(GdbReplyError)
      .and.include({ errno: 14 });
    await client.setPhysicalMode(true);
    expect(hex(await client.readMemory(0x1000, 8))).to.equal('0000000000000000');
  });

  it('sends packets up to 4095 characters', async () => {
    await client.setPhysicalMode(true);
    const bytes = Uint8Array.from({ length: 2042 }, (_, index) => index & 0xff);
    const request = writeMemoryRequest(0x10000, bytes);
    expect(request.payload).to.have.length(4095);
    await client.session.send(request);
    expect(hex(await client.readMemory(0x10000, 2042))).to.equal(hex(bytes));
    const longer = writeMemoryRequest(0x10000, new Uint8Array(2043));
    expect(await rejection(client.session.send(longer))).to.be.instanceOf(GdbPacketTooLongError);
    expect(client.state).to.equal('open');
  });

  it('has many large reads under way', async () => {
    await client.setPhysicalMode(true);
    const pieces = Array.from({ length: 1024 }, (_, index) => ({ address: 0xf0000 + 16 * index, lengthBytes: 2048 }));
    const all = await client.readMemory(0xf0000, 0x10000 + 2048);
    const reads = await client.readMemoryMany(pieces);
    for (const [index, bytes] of reads.entries()) {
      expect(hex(bytes) === hex(all.subarray(16 * index, 16 * index + 2048)), `piece ${index}`).to.equal(true);
    }
  });

  it('does not freeze QEMU while it is itself suspended, whatever is under way', async () => {
    await client.setPhysicalMode(true);
    for (const lengthBytes of [8, 193, 705, 2048]) {
      const pieces = Array.from({ length: 3000 }, () => ({ address: 0x1000, lengthBytes }));
      const reading = client.readMemoryMany(pieces);
      await delay(0);
      // Blocks this process; the other one asks the monitor, which QEMU serves on the same thread as the stub.
      expect(askStatusElsewhere(guest), `${lengthBytes} bytes`).to.contain('"status": "prelaunch"');
      expect(await reading).to.have.length(3000);
    }
  });

  it("gives the monitor's output whole", async () => {
    await using witness = await Witness.of(guest);
    const text = await client.monitor('info mtree -f');
    expect(text).to.equal((await witness.hmp('info mtree -f')).replaceAll('\r\n', '\n'));
    expect(text).not.to.contain('\r');
    expect(text.split('\n').length).to.be.above(50);
    expect(await client.monitor('bogus')).to.contain("unknown command: 'bogus'");
  });

  it('says that the stub is busy, and leaves its client alone', async () => {
    const connection = await open(guest);
    const error = await rejection(GdbClient.connect(connection, { handshakeTimeoutMs: 200 }));
    expect(error).to.be.instanceOf(GdbBusyError).and.include({ endpoint: guest.gdbEndpoint });
    await client.setPhysicalMode(true);
    expect(await client.readMemory(0xffff_fff0, 1)).to.deep.equal(Uint8Array.of(0xea));
    await connection.close();
  });

  it('finds its way after half a packet of the client before', async () => {
    for (const half of ['$m10', '$m1000,8#', '$m1000,8#7', '$}', '+', '-']) {
      await client.close();
      const connection = await open(guest);
      duplexOf(connection).write(half);
      await delay(50);
      await connection.close();
      client = await attach(guest);
      expect(await client.readMemory(0x1000, 1), half).to.have.length(1);
    }
  });

  it('ends promptly and clearly when QEMU is killed under way', async () => {
    const pieces = Array.from({ length: 20_000 }, () => ({ address: 0, lengthBytes: 2048 }));
    const reading = rejection(client.readMemoryMany(pieces));
    await delay(20);
    await guest.stop();
    const error = await reading;
    expect(error).to.be.instanceOf(GdbClosedError).and.include({ endpoint: guest.gdbEndpoint });
    expect(client.state).to.equal('failed');
  });

  it('recognizes the QMP socket', async () => {
    const connection = await connect(guest.qmpEndpoint, { timeoutMs: 5000 });
    const error = await rejection(GdbClient.connect(connection));
    expect(error).to.be.instanceOf(GdbProtocolError);
    expect(error.message).to.contain('QMP monitor').and.contain(guest.qmpEndpoint);
    await connection.close();
  });

  it('sends nothing but what it traces, and no acks', async () => {
    await client.close();
    const trace: TraceRecord[] = [];
    client = await attach(guest, { trace: (record) => trace.push(record) });
    await client.readMemory(0x1000, 4);
    expect(trace.map(({ direction, text }) => `${direction} ${text}`)).to.deep.equal([
      '-> $qSupported#37',
      '<- +',
      '<- $PacketSize=1000;qXfer:features:read+;vContSupported+;multiprocess+#92',
      '-> $qqemu.Supported#1d',
      '<- +',
      '<- $sstepbits;sstep;PhyMemMode#5b',
      '-> $m1000,4#8e',
      '<- +',
      '<- $00000000#80',
    ]);
  });
});

describe("QEMU's stub, as this client counts on it", () => {
  it('drops a packet of 4096 characters without a word', async () => {
    await using guest = await launchQemu(EMPTY_PC);
    const connection = await open(guest);
    let received = '';
    duplexOf(connection).on('data', (chunk: Uint8Array) => {
      received += Buffer.from(chunk).toString('latin1');
    });
    duplexOf(connection).write(encodePacket(`M10000,7fa:${'00'.repeat(2042)}0`, 5000) + encodePacket('qC'));
    while (!received.includes('QC01')) await once(duplexOf(connection), 'data');
    expect(received).to.equal('+$QC01#f5');
    await connection.close();
  });

  it('remembers physical mode beyond the connection', async () => {
    await using guest = await launchQemu(EMPTY_PC);
    const first = await attach(guest);
    await first.setPhysicalMode(true);
    await first.close();
    const trace: string[] = [];
    const second = await attach(guest, { trace: ({ text }) => trace.push(text) });
    await second.setPhysicalMode(true);
    expect(trace.at(-1)).to.equal('$1#31');
    await second.close();
  });
});

describe('GdbClient on a running guest', () => {
  let guest: QemuProcess;

  beforeEach(async () => {
    guest = await launchKernel('long4', { smp: 2 });
  });

  afterEach(async () => {
    await guest.stop();
  });

  it('pauses it by connecting, and never resumes it', async () => {
    await using witness = await Witness.of(guest);
    expect(await witness.runState()).to.equal('running');
    const client = await attach(guest);
    expect(await witness.runState()).to.equal('paused');
    await client.close();
    expect(await witness.runState()).to.equal('paused');
  });

  it('reads the registers of each CPU as the monitor shows them', async () => {
    await using witness = await Witness.of(guest);
    await witness.execute('stop');
    const client = await attach(guest);
    for (const cpuIndex of [0, 1]) {
      await client.monitor(`cpu ${cpuIndex}`);
      const text = await client.monitor('info registers');
      const values = await client.readRegisters(cpuIndex);
      const digits = text.includes('RIP=') ? 16 : 8;
      const [ip, flags] = digits === 16 ? ['RIP', 'RFL'] : ['EIP', 'EFL'];
      expect(shownLike(values, 'rip', digits)).to.equal(shownRegister(text, ip));
      expect(shownLike(values, 'eflags', 8)).to.equal(shownRegister(text, flags));
      for (const name of digits === 16 ? ['RAX', 'RBX', 'RCX', 'RDX', 'RSI', 'RDI', 'RBP', 'RSP', 'R8', 'R15'] : []) {
        expect(shownLike(values, name.toLowerCase(), 16), name).to.equal(shownRegister(text, name));
      }
      for (const name of ['CR0', 'CR2', 'CR3', 'CR4']) {
        const shown = shownRegister(text, name);
        expect(shownLike(values, name.toLowerCase(), shown.length), name).to.equal(shown);
      }
      expect(shownLike(values, 'efer', 16)).to.equal(shownRegister(text, 'EFER'));
      for (const name of ['CS', 'SS', 'DS']) {
        expect(shownLike(values, name.toLowerCase(), 4), name).to.equal(shownRegister(text, name));
      }
    }
    // Only the first CPU of this kernel was started.
    expect((await client.readRegisters(0)).get('cr3')).not.to.equal((await client.readRegisters(1)).get('cr3'));
    await client.close();
  });

  it('reads virtual memory through the tables of the CPU that was selected', async () => {
    await using witness = await Witness.of(guest);
    await witness.execute('stop');
    const client = await attach(guest);
    const rip = (await client.readRegisters(0)).get('rip') ?? 0n;
    const [, code] = await Promise.all([client.selectThread(0), client.readMemory(rip, 16)]);
    await client.monitor('cpu 0');
    expect(hex(code)).to.equal(shownBytes(await client.monitor(`x /16xb 0x${rip.toString(16)}`)));
    const nowhere = [client.selectThread(0), client.readMemory(0x7fff_ffff_f000n, 8)] as const;
    expect(await rejection(Promise.all(nowhere)))
      .to.be.instanceOf(GdbReplyError)
      .and.include({ errno: 14 });
    await client.close();
  });

  it('gives no wrong bytes when another client resumes the guest meanwhile', async () => {
    await using witness = await Witness.of(guest);
    const client = await attach(guest, { requestTimeoutMs: 300 });
    const stops: StopReply[] = [];
    client.onStop((stop) => stops.push(stop));
    await client.setPhysicalMode(true);
    await witness.execute('cont');
    const pieces = [0x100000, 0x100001, 0x100002].map((address) => ({ address, lengthBytes: 1 }));
    const reads = pieces.map(({ address }) => client.readMemory(address, 1));
    for (const error of await Promise.all(reads.map(rejection))) {
      expect(error).to.be.instanceOf(GdbTimeoutError).and.include({ request: 'm100002,1' });
      expect(error.message).to.contain('resumed');
    }
    expect(await witness.runState()).to.equal('paused');
    expect(client.state).to.equal('failed');
    await client.close();
    const again = await attach(guest);
    await again.setPhysicalMode(false);
    await again.close();
  });
});

describe('GdbClient on other guests', () => {
  it('lays out the registers of qemu-system-i386', async () => {
    await using guest = await launchQemu({ ...EMPTY_PC, binary: 'qemu-system-i386' });
    const client = await attach(guest);
    const layout = await client.layout();
    expect(layout).to.include({ architecture: 'i386', sizeBytes: 344 });
    expect(layout.registers).to.have.length(50);
    const values = await client.readRegisters(1);
    expect(values.get('eip')?.toString(16)).to.equal('fff0');
    expect(values.get('cr0')?.toString(16)).to.equal('60000010');
    await client.close();
  });

  it('refuses a guest that is not x86, by name', async function () {
    const options = {
      binary: 'qemu-system-aarch64',
      machine: 'virt',
      cpu: 'cortex-a57',
      paused: true,
      debugcon: false,
    };
    const guest = await launchQemu(options).catch((error: unknown) => {
      // Not part of what a check-out needs; the same is tested with a recorded description.
      if (error instanceof QemuLaunchError && error.code === 'ERR_TESTING_SPAWN') return undefined;
      throw error;
    });
    if (guest === undefined) return this.skip();
    const client = await attach(guest);
    const error = await rejection(client.readRegisters(0));
    expect(error).to.be.instanceOf(GdbArchitectureError).and.include({ architecture: 'aarch64' });
    expect(error.message).to.contain(guest.gdbEndpoint);
    await client.close();
    await guest.stop();
  });
});

describe('GdbRunControl', () => {
  let guest: QemuProcess;
  let client: GdbClient;
  let control: GdbRunControl;

  beforeEach(async () => {
    guest = await launchQemu(EMPTY_PC);
    client = await attach(guest);
    control = await GdbRunControl.take(client);
  });

  afterEach(async () => {
    await client.close();
    await guest.stop();
  });

  it('steps one CPU over one instruction', async () => {
    // The jump at the reset vector: ea 5b e0 00 f0.
    const stop = await control.step(0, { timeoutMs: 5000 });
    expect(stop).to.include({ kind: 'stopped', signal: 5, cpuIndex: 0 });
    expect((await control.readRegister(0, 'rip')).toString(16)).to.equal('e05b');
    expect((await control.readRegister(0, 'cs')).toString(16)).to.equal('f000');
    expect((await control.readRegister(1, 'rip')).toString(16)).to.equal('fff0');
  });

  it('stops at a breakpoint, and takes it back', async () => {
    await control.setBreakpoint(0xfe05bn);
    const stop = await control.continue(undefined, { timeoutMs: 5000 });
    expect(stop).to.include({ kind: 'stopped', signal: 5, cpuIndex: 0 });
    expect((await client.readRegisters(0)).get('rip')?.toString(16)).to.equal('e05b');
    await control.removeAllBreakpoints();
    expect(control.breakpoints).to.deep.equal([]);
  });

  it('changes registers of the CPU that is meant', async () => {
    await control.writeRegisters(1, [
      ['rbx', 0x1234_5678n],
      ['rip', 0x7c00n],
    ]);
    const [first, second] = [await client.readRegisters(0), await client.readRegisters(1)];
    expect([first.get('rbx')?.toString(16), second.get('rbx')?.toString(16)]).to.deep.equal(['0', '12345678']);
    expect([first.get('rip')?.toString(16), second.get('rip')?.toString(16)]).to.deep.equal(['fff0', '7c00']);
  });

  it('executes instructions that it wrote, in one round trip each', async () => {
    await client.setPhysicalMode(true);
    // inc ax; inc ax
    await client.writeMemory(0x7c00, Uint8Array.of(0x40, 0x40));
    await Promise.all([
      control.writeRegisters(0, [
        ['cs', 0n],
        ['rip', 0x7c00n],
        ['rax', 41n],
      ]),
      control.step(0, { timeoutMs: 5000 }),
    ]);
    expect(await control.readRegister(0, 'rax')).to.equal(42n);
    expect((await control.readRegister(0, 'rip')).toString(16)).to.equal('7c01');
  });

  it('interrupts a guest that does not stop by itself, and can go on', async () => {
    await using witness = await Witness.of(guest);
    const error = await rejection(control.continue(undefined, { timeoutMs: 100 }));
    expect(error).to.be.instanceOf(GdbTimeoutError);
    expect(client.state).to.equal('open');
    expect(await witness.runState()).to.equal('paused');
    expect((await client.readRegisters(0)).size).to.equal(66);
  });

  it('interrupts a step of a CPU that waits for an interrupt', async () => {
    await using witness = await Witness.of(guest);
    // The second CPU waits to be started.
    expect(await rejection(control.step(1, { timeoutMs: 200 }))).to.be.instanceOf(GdbTimeoutError);
    expect(await witness.runState()).to.equal('paused');
    // Single-step mode is off again: the guest runs when it is told to.
    await client.close();
    await witness.execute('cont');
    await delay(100);
    expect(await witness.runState()).to.equal('running');
  });
});

/** Asks QEMU's second monitor for its state, in another process, while this one does nothing. */
function askStatusElsewhere(guest: QemuProcess): string {
  const script = `
    const socket = require('node:net').connect(process.argv[1]);
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
      if (text.includes('"status"')) { process.stdout.write(text); process.exit(0); }
    });
    socket.write('{"execute":"qmp_capabilities"}{"execute":"query-status"}');
    setTimeout(() => process.exit(1), 3000);
  `;
  const path = guest.witnessEndpoint.replace(/^unix:/, '');
  return execFileSync(process.execPath, ['-e', script, path], { encoding: 'utf8', timeout: 10_000 });
}
