/**
 * Records what the QMP tests replay, from the QEMU that is installed, into test/support/fixtures/qmp. Run it with
 * `npm run build && node dist/test/support/record/record-qmp-fixtures.js` when a QEMU version is added.
 *
 * The guests are empty but for one: a ROM of a few instructions that sets what a device state would otherwise leave out
 * (PKRU, PKRS, VM_HSAVE_PA, PAT).
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { formatQemuVersion, QmpClient, saveDevicesState } from '../../../protocols/qmp/index.ts';
import { connect, duplexOf, type TraceRecord } from '../../../protocols/transport/internal.ts';
import { launchQemu, type QemuOptions, type QemuProcess } from '../../../src/testing/index.ts';
import { protectionKeysRom } from '../builders/protection-keys-rom.ts';

const FOLDER = 'test/support/fixtures/qmp';
const EMPTY_PC: QemuOptions = { machine: 'pc', paused: true, memory: '128M', smp: 2 };
const MICROVM: QemuOptions = { machine: 'microvm', memory: '16M' };

async function main(): Promise<void> {
  await withGuest(EMPTY_PC, recordEmptyPc);
  await withGuest({ ...EMPTY_PC, accel: 'kvm', smp: 1 }, async ({ qmp }) =>
    record(qmp, 'info mtree -f', 'mtree-kvm.txt'),
  );
  await withGuest({ kernel: 'dist/kernels/long4.bin', cpu: 'max' }, recordLongMode);
  await withGuest({ ...MICROVM, smp: 2, paused: true, binary: 'qemu-system-i386' }, async ({ qmp }) =>
    saveDevicesState(qmp, fixture('device-state/i386.bin')),
  );
  await withGuest({ ...MICROVM, machine: 'pc-i440fx-2.3', paused: true }, async ({ qmp }) =>
    saveDevicesState(qmp, fixture('device-state/no-footers.bin')),
  );
  await recordProtectionKeys();
}

interface Guest {
  readonly qemu: QemuProcess;
  readonly qmp: QmpClient;
  readonly trace: readonly TraceRecord[];
}

async function withGuest(options: QemuOptions, act: (guest: Guest) => Promise<void>): Promise<void> {
  const qemu = await launchQemu({ ...options, debugcon: false });
  const trace: TraceRecord[] = [];
  try {
    const qmp = await QmpClient.connect(qemu.qmpEndpoint, { trace: (record) => trace.push(record) });
    process.stdout.write(`QEMU ${formatQemuVersion(qmp.greeting)} ${options.machine ?? ''} ${options.kernel ?? ''}\n`);
    await act({ qemu, qmp, trace });
    await qmp.close();
  } finally {
    await qemu.stop();
  }
}

async function recordEmptyPc({ qemu, qmp, trace }: Guest): Promise<void> {
  await record(qmp, 'info mtree -f', 'mtree.txt');
  await record(qmp, 'info mtree -f -o', 'mtree-owners.txt');
  await record(qmp, 'info status', 'status/prelaunch.txt');
  await record(qmp, 'info cpus', 'cpus.txt');
  await record(qmp, 'info registers', 'registers/real-mode.txt');
  await record(qmp, 'info registers -a', 'registers/all.txt');
  await qmp.execute('query-chardev');
  await qmp.execute('query-cpus-fast');
  await qmp.execute('bogus').catch(() => {});
  await qmp.execute('cont');
  await qmp.execute('stop');
  await writeFile(fixture('session.jsonl'), trace.filter(isWorthKeeping).map(formatRecord).join(''));
  await enterLongModeByStub(qemu.gdbEndpoint);
  await record(qmp, 'info registers', 'registers/compatibility-mode.txt');
}

async function recordLongMode({ qmp }: Guest): Promise<void> {
  await delay(1500);
  await record(qmp, 'info status', 'status/running.txt');
  await qmp.execute('stop');
  await record(qmp, 'info status', 'status/paused.txt');
  await record(qmp, 'info registers', 'registers/long-mode.txt');
}

async function recordProtectionKeys(): Promise<void> {
  const rom = join('dist', 'protection-keys.rom');
  await writeFile(rom, protectionKeysRom());
  await withGuest({ ...MICROVM, machine: 'pc', cpu: 'max', smp: 2, extraArgs: ['-bios', rom] }, async ({ qmp }) => {
    await delay(1000);
    await qmp.execute('stop');
    await saveDevicesState(qmp, fixture('device-state/x86_64.bin'));
  });
}

/** Sets CR4.PAE, EFER.LME and CR0.PE and PG through the stub: long mode, but no 64-bit code as CS is untouched. */
async function enterLongModeByStub(endpoint: string): Promise<void> {
  const connection = await connect(endpoint, { timeoutMs: 1000 });
  // QEMU 7.2 answers single registers only after the register description was asked for.
  for (const payload of [
    'qXfer:features:read:target.xml:0,100',
    'P1e=2000000000000000',
    'P20=0001000000000000',
    'P1d=0010345600000000',
    'P1b=1100008000000000',
  ]) {
    const sum = [...Buffer.from(payload)].reduce((total, byte) => (total + byte) & 0xff, 0);
    duplexOf(connection).write(`$${payload}#${Buffer.of(sum).toString('hex')}`);
  }
  duplexOf(connection).resume();
  await delay(300);
  await connection.close();
}

async function record(qmp: QmpClient, commandLine: string, name: string): Promise<void> {
  const output = await qmp.execute('human-monitor-command', { 'command-line': commandLine });
  await writeFile(fixture(name), String(output));
}

/** The texts of the human monitor have files of their own. */
function isWorthKeeping({ text }: TraceRecord): boolean {
  return text.length < 2000 && !text.includes('human-monitor-command') && !/"return": "/.test(text);
}

function formatRecord(record: TraceRecord): string {
  return `${JSON.stringify(record)}\n`;
}

function fixture(name: string): string {
  return join(process.cwd(), FOLDER, name);
}

await main();
