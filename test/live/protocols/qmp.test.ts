import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import {
  type ChardevInfo,
  type CpuDeviceState,
  cont,
  formatQemuVersion,
  parseAllInfoRegisters,
  parseDeviceState,
  parseFlatViews,
  parseGdbserverOutput,
  parseInfoCpus,
  parseInfoStatus,
  QmpBusyError,
  QmpClient,
  QmpClosedError,
  QmpCommandError,
  QmpHmpError,
  QmpProtocolError,
  QmpReplyError,
  QmpTimeoutError,
  qomGetBoolean,
  qomGetNumber,
  qomGetString,
  queryChardev,
  queryCpusFast,
  queryKvm,
  queryStatus,
  queryTarget,
  readPkrs,
  readPkru,
  saveDevicesState,
  selectFlatView,
  stop,
} from '../../../protocols/qmp/index.ts';
import { connect } from '../../../protocols/transport/index.ts';
import { launchQemu, type QemuProcess } from '../../../src/testing/index.ts';
import { PROTECTION_KEYS, protectionKeysRom } from '../../support/builders/protection-keys-rom.ts';

const EMPTY_PC = { machine: 'pc', smp: 2, memory: '128M', paused: true, debugcon: false, accel: 'tcg' } as const;

async function failureOf(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    (value) => expect.fail(`it succeeded with ${JSON.stringify(value)}`),
    (error: Error) => error,
  );
}

/** The names of the events that come while something is done. */
async function eventsOf(qmp: QmpClient, act: () => Promise<void>): Promise<string[]> {
  const names: string[] = [];
  const stopListening = qmp.onEvent(({ event }) => names.push(event));
  await act();
  stopListening();
  return names;
}

async function chardevOf(qmp: QmpClient, label: string): Promise<ChardevInfo | undefined> {
  return (await queryChardev(qmp)).find((chardev) => chardev.label === label);
}

/** A connection is made by the system at once; QEMU notices it when its main loop comes round. */
async function untilBusy(qmp: QmpClient, label: string): Promise<void> {
  while ((await chardevOf(qmp, label))?.state !== 'busy') await delay(5);
}

describe('QMP on a QEMU whose guest is paused', () => {
  let qemu: QemuProcess;
  let qmp: QmpClient;
  beforeEach(async () => {
    qemu = await launchQemu(EMPTY_PC);
    qmp = await QmpClient.connect(qemu.qmpEndpoint);
  });
  afterEach(async () => {
    await qmp.close();
    await qemu.stop();
  });

  it('asks what a translation has to know', async () => {
    expect(formatQemuVersion(qmp.greeting)).to.match(/^\d+\.\d+\.\d+$/);
    expect(await queryStatus(qmp)).to.deep.equal({ status: 'prelaunch', running: false });
    expect(await queryTarget(qmp)).to.equal('x86_64');
    expect(await queryKvm(qmp)).to.include({ enabled: false });
    const cpus = await queryCpusFast(qmp);
    expect(cpus.map(({ cpuIndex, target }) => ({ cpuIndex, target }))).to.deep.equal([
      { cpuIndex: 0, target: 'x86_64' },
      { cpuIndex: 1, target: 'x86_64' },
    ]);
    const [cpu] = cpus;
    expect(await qomGetBoolean(qmp, cpu?.qomPath ?? '', 'lm')).to.equal(true);
    expect(await qomGetNumber(qmp, cpu?.qomPath ?? '', 'phys-bits')).to.equal(40);
    expect(await qomGetString(qmp, cpu?.qomPath ?? '', 'vendor')).to.equal('AuthenticAMD');
  });

  it('reads the texts of the human monitor', async () => {
    const views = parseFlatViews(await qmp.hmp('info mtree -f'));
    expect(selectFlatView(views, 'memory')?.ranges[0]).to.include({ type: 'ram', name: 'pc.ram', first: 0n });
    expect(selectFlatView(views, 'cpu-memory-1')).to.equal(selectFlatView(views, 'memory'));
    const registers = parseAllInfoRegisters(await qmp.hmp('info registers -a'));
    expect(registers.map(({ cpuIndex, rip }) => `${cpuIndex}: ${rip.toString(16)}`)).to.deep.equal([
      '0: fff0',
      '1: fff0',
    ]);
    expect(parseAllInfoRegisters(await qmp.hmp('info registers', { cpuIndex: 1 }))[0]).to.include({ cpuIndex: 1 });
    expect(parseInfoStatus(await qmp.hmp('info status'))).to.deep.equal(await queryStatus(qmp));
    const threads = (await queryCpusFast(qmp)).map(({ threadId }) => threadId);
    expect(parseInfoCpus(await qmp.hmp('info cpus')).map(({ threadId }) => threadId)).to.deep.equal(threads);
  });

  it('reports QEMU’s refusals', async () => {
    expect(await failureOf(qmp.execute('bogus')))
      .to.be.instanceOf(QmpCommandError)
      .and.include({
        errorClass: 'CommandNotFound',
      });
    expect(await failureOf(qmp.hmp('bogus'))).to.be.instanceOf(QmpHmpError);
    expect(await failureOf(qmp.hmp('info registers -z'))).to.be.instanceOf(QmpHmpError);
    expect(await failureOf(qmp.hmp('info registers', { cpuIndex: 9 }))).to.be.instanceOf(QmpCommandError);
    expect(await failureOf(qomGetNumber(qmp, '/machine', 'type'))).to.be.instanceOf(QmpReplyError);
    expect(await failureOf(saveDevicesState(qmp, '/no/such/directory/state'))).to.be.instanceOf(QmpCommandError);
  });

  it('hears STOP and RESUME before the replies', async () => {
    expect(await eventsOf(qmp, () => cont(qmp))).to.deep.equal(['RESUME']);
    expect(await eventsOf(qmp, () => stop(qmp))).to.deep.equal(['STOP']);
    expect(await eventsOf(qmp, () => stop(qmp))).to.deep.equal([]);
  });

  it('keeps many requests apart', async () => {
    const replies = Array.from({ length: 100 }, (_, index) =>
      index % 2 === 0 ? queryTarget(qmp) : queryStatus(qmp).then(({ status }) => status),
    );
    const expected = replies.map((_, index) => (index % 2 === 0 ? 'x86_64' : 'prelaunch'));
    expect(await Promise.all(replies)).to.deep.equal(expected);
  });

  it('finds the stub without touching it, and sees whether it is taken', async () => {
    expect(await chardevOf(qmp, 'gdb')).to.include({ state: 'free', endpoint: qemu.gdbEndpoint });
    const stub = await connect(qemu.gdbEndpoint, { timeoutMs: 10_000 });
    await untilBusy(qmp, 'gdb');
    expect(await chardevOf(qmp, 'gdb')).to.include({ state: 'busy', endpoint: qemu.gdbEndpoint });
    await stub.close();
    expect(await queryStatus(qmp)).to.include({ status: 'prelaunch' });
  });

  it('finds a stub on TCP, on all addresses and on one', async () => {
    const open = async (device: string) => parseGdbserverOutput(await qmp.hmp(`gdbserver ${device}`));
    expect(await open('tcp::0')).to.deep.equal({ kind: 'exists' });
    expect(await open('none')).to.deep.equal({ kind: 'disabled' });
    expect(await open('tcp::0')).to.deep.equal({ kind: 'listening', device: 'tcp::0' });
    const everywhere = await chardevOf(qmp, 'gdb');
    expect(everywhere).to.include({ state: 'free', isWildcard: true });
    expect(everywhere?.endpoint).to.match(/^tcp:127\.0\.0\.1:\d+$/);
    const stub = await connect(everywhere?.endpoint ?? '', { timeoutMs: 10_000 });
    await untilBusy(qmp, 'gdb');
    expect(await chardevOf(qmp, 'gdb')).to.include({ state: 'busy', endpoint: everywhere?.endpoint });
    await stub.close();
    expect(await open('none')).to.deep.equal({ kind: 'disabled' });
    expect(await open('tcp:127.0.0.1:0')).to.deep.equal({ kind: 'listening', device: 'tcp:127.0.0.1:0' });
    expect(await chardevOf(qmp, 'gdb')).to.include({ state: 'free', isWildcard: false });
    expect(await open('none')).to.deep.equal({ kind: 'disabled' });
    const refused = await open('unix:/no/such/directory/gdb,server=on,wait=off');
    expect(refused).to.include({ kind: 'failed' });
  });

  it('tells a monitor that is taken from one that is free', async () => {
    const error = await failureOf(QmpClient.connect(qemu.qmpEndpoint, { timeoutMs: 2000 }));
    expect(error).to.be.instanceOf(QmpBusyError).and.include({ endpoint: qemu.qmpEndpoint });
    expect(await queryStatus(qmp)).to.include({ status: 'prelaunch' });
    await qmp.close();
    qmp = await QmpClient.connect(qemu.qmpEndpoint);
    expect(await queryTarget(qmp)).to.equal('x86_64');
  });

  it('recognises a GDB stub, whose guest it has paused', async () => {
    expect(await failureOf(QmpClient.connect(qemu.gdbEndpoint, { timeoutMs: 2000 }))).to.be.instanceOf(QmpBusyError);
    await cont(qmp);
    const error = await failureOf(QmpClient.connect(qemu.gdbEndpoint, { timeoutMs: 2000 }));
    // Somewhere between 7.2 and 10.0 the stub stopped to announce the pause that connecting causes.
    if (qmp.greeting.version.qemu.major < 8) {
      expect(error).to.be.instanceOf(QmpProtocolError).and.include({ received: '$T02thread:01;#04' });
      expect(error.message).to.contain('looks like a GDB stub');
    } else {
      expect(error).to.be.instanceOf(QmpBusyError);
    }
    expect(await queryStatus(qmp)).to.deep.equal({ status: 'paused', running: false });
  });

  it('ends at once and says why when QEMU is killed', async () => {
    process.kill(qemu.pid, 'SIGSTOP');
    const failure = failureOf(queryStatus(qmp));
    process.kill(qemu.pid, 'SIGKILL');
    const error = await failure;
    expect(error).to.be.instanceOf(QmpClosedError).and.include({ command: 'query-status', endpoint: qemu.qmpEndpoint });
    expect(error.message).to.contain('query-status got no reply: QEMU exited or closed the connection');
    expect(qmp.state).to.equal('closed');
  });

  it('mentions the shutdown that QEMU announced', async () => {
    const closed = new Promise((resolve) => qmp.onClosed(resolve));
    process.kill(qemu.pid, 'SIGTERM');
    expect(await closed)
      .to.be.instanceOf(QmpClosedError)
      .and.have.deep.property('shutdown', { reason: 'host-signal' });
    expect((await failureOf(queryStatus(qmp))).message).to.contain('announcing its shutdown (host-signal)');
  });

  it('outlives a QEMU that does not answer for a while', async () => {
    process.kill(qemu.pid, 'SIGSTOP');
    try {
      const late = failureOf(qmp.execute('query-target', undefined, { timeoutMs: 50 }));
      expect(await late)
        .to.be.instanceOf(QmpTimeoutError)
        .and.include({ awaited: 'query-target' });
    } finally {
      process.kill(qemu.pid, 'SIGCONT');
    }
    expect(await queryStatus(qmp)).to.include({ status: 'prelaunch' });
  });
});

describe('QMP over other monitors', () => {
  it('reads a monitor that prints prettily', async () => {
    const socket = ['-chardev', 'socket,id=pretty,host=127.0.0.1,port=0,server=on,wait=off'];
    const extraArgs = [...socket, '-mon', 'chardev=pretty,mode=control,pretty=on'];
    await using qemu = await launchQemu({ ...EMPTY_PC, extraArgs });
    const plain = await QmpClient.connect(qemu.qmpEndpoint);
    const pretty = await QmpClient.connect((await chardevOf(plain, 'pretty'))?.endpoint ?? '');
    expect(await queryCpusFast(pretty)).to.deep.equal(await queryCpusFast(plain));
    expect(await pretty.hmp('info registers')).to.equal(await plain.hmp('info registers'));
    await pretty.close();
    await plain.close();
  });

  it('goes through a command, and says what that said if it fails', async () => {
    await using qemu = await launchQemu(EMPTY_PC);
    const path = qemu.qmpEndpoint.slice('unix:'.length);
    const bridge = `const s=require('net').connect('${path}');process.stdin.pipe(s);s.pipe(process.stdout)`;
    const qmp = await QmpClient.connect(`exec:${process.execPath} -e "${bridge}"`);
    expect(await queryTarget(qmp)).to.equal('x86_64');
    await qmp.close();
    const error = await failureOf(QmpClient.connect('exec:echo no route to the lab >&2; exit 255'));
    expect(error).to.be.instanceOf(QmpClosedError);
    expect(error.message).to.contain('the command ended with status 255 and said: no route to the lab');
  });
});

describe('the device state of a real QEMU', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'pagewalk-test-'));
  });
  after(async () => {
    await rm(directory, { recursive: true });
  });

  it('shows the protection keys that code in the guest set, and disturbs no client', async () => {
    const rom = join(directory, 'keys.rom');
    const file = join(directory, 'state');
    await writeFile(rom, protectionKeysRom());
    await using guest = await launchQemu({ ...EMPTY_PC, paused: false, cpu: 'max', extraArgs: ['-bios', rom] });
    const qmp = await QmpClient.connect(guest.qmpEndpoint);
    const cpus = async (): Promise<readonly CpuDeviceState[]> => {
      await saveDevicesState(qmp, file);
      return [...parseDeviceState(await readFile(file)).cpus.values()];
    };

    // The ROM needs a moment; vm_hsave is what it sets last.
    while ((await cpus())[0]?.vmHsave === 0n) await delay(20);
    const [first, second] = await cpus();
    if (first === undefined || second === undefined) throw new Error('two vCPUs were expected');
    expect(readPkru(first).toString(16)).to.equal(PROTECTION_KEYS.pkru.toString(16));
    expect(readPkrs(first).toString(16)).to.equal(PROTECTION_KEYS.pkrs.toString(16));
    expect(first.efer.toString(16)).to.equal(PROTECTION_KEYS.efer.toString(16));
    expect([readPkru(second), readPkrs(second)]).to.deep.equal([0, 0]);

    expect(await eventsOf(qmp, async () => void (await cpus()))).to.deep.equal(['STOP', 'RESUME']);
    expect(await queryStatus(qmp)).to.include({ running: true });
    await stop(qmp);
    expect(await eventsOf(qmp, async () => void (await cpus()))).to.deep.equal([]);
    expect(await queryStatus(qmp)).to.deep.equal({ status: 'paused', running: false });
    const [registers] = parseAllInfoRegisters(await qmp.hmp('info registers', { cpuIndex: 0 }));
    const [state] = await cpus();
    const keys = ['rip', 'rflags', 'cr0', 'cr2', 'cr3', 'cr4', 'efer'] as const;
    for (const key of keys) expect(state?.[key].toString(16), key).to.equal(registers?.[key].toString(16));
    expect(state?.segments.cs).to.deep.equal(registers?.segments.cs);
    await qmp.close();
  });
});
