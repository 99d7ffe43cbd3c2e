import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import split2 from 'split2';
import type { QemuProcess } from '../../../src/testing/index.ts';
import { KERNELS } from '../../kernels/manifests/kernels.ts';
import { kernelPage } from '../../kernels/manifests/manifest.ts';
import { eventually } from '../../support/eventually.ts';
import type { ClientOrders } from '../../support/live/guest/attached-client.ts';
import { isRunning } from '../../support/live/guest/is-running.ts';
import { launchKernel } from '../../support/live/guest/kernel-guest.ts';
import { Witness } from '../../support/live/guest/witness.ts';
import { StallingProxy } from '../../support/live/peer/stalling-proxy.ts';
import { runPagewalk } from '../../support/live/run-pagewalk.ts';

/** Seen from dist/test/live/left-as-found, where this file runs. */
const CLIENT = fileURLToPath(new URL('../../support/live/guest/attached-client.js', import.meta.url));
const ADDRESS = `0x${kernelPage(KERNELS.long4, 'rw').address.toString(16)}`;

describe('a client that is killed together with its watchdog', function () {
  this.timeout(60_000);

  let guest: QemuProcess;
  let witness: Witness;
  let scratch: string;
  let environment: Record<string, string>;

  beforeEach(async () => {
    guest = await launchKernel('long4', { gdb: false });
    witness = await Witness.of(guest);
    scratch = await mkdtemp(join(tmpdir(), 'pagewalk-'));
    environment = { XDG_RUNTIME_DIR: scratch, TMPDIR: scratch };
  });

  afterEach(async () => {
    await witness[Symbol.asyncDispose]();
    await guest.stop();
    await rm(scratch, { recursive: true });
  });

  async function startClient(
    until: ClientOrders['until'] = 'paused',
    orders: ClientOrders = { qmp: guest.qmpEndpoint, until },
  ): Promise<ChildProcess> {
    const client = spawn(process.execPath, [CLIENT, JSON.stringify(orders)], {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(client.stdout.pipe(split2()), 'data');
    expect(line).to.equal(until);
    return client;
  }

  /** The watchdog is the client's only child. Suspended first, so that it cannot act in between. */
  async function killBoth(client: ChildProcess): Promise<void> {
    const watchdog = Number(readFileSync(`/proc/${client.pid}/task/${client.pid}/children`, 'latin1').trim());
    expect(watchdog).to.be.above(1);
    process.kill(watchdog, 'SIGSTOP');
    client.kill('SIGKILL');
    await once(client, 'exit');
    process.kill(watchdog, 'SIGKILL');
    await eventually('the watchdog is gone', () => !isRunning(watchdog));
  }

  function restore(): ReturnType<typeof runPagewalk> {
    return runPagewalk(['restore', '--qmp', guest.qmpEndpoint], environment);
  }

  async function labels(): Promise<readonly string[]> {
    return (await witness.chardevs()).map((line) => line.split(' ', 1)[0] ?? '');
  }

  it('has left its pause, its stub and its files; `pagewalk restore` puts all of it back', async () => {
    await killBoth(await startClient());
    expect(await witness.runState()).to.equal('paused');
    expect(await labels()).to.include('gdb');
    const { status, stdout } = await restore();
    expect(stdout).to.match(
      /^process \d+, attached since .*: the guest, which it had paused, is resumed; .* is gone\n$/,
    );
    expect(status).to.equal(0);
    expect(await witness.runState()).to.equal('running');
    expect(await labels()).to.not.include('gdb');
    expect(readdirSync(scratch)).to.deep.equal([]);
    expect(await restore()).to.include({ status: 0, stdout: 'nothing to put back\n' });
  });

  it('is healed by any other command, which says so on standard error and answers as ever', async () => {
    await killBoth(await startClient());
    const { status, stdout, stderr } = await runPagewalk(
      ['translate', ADDRESS, '--brief', '--qmp', guest.qmpEndpoint],
      environment,
    );
    expect(status, stderr).to.equal(0);
    expect(stdout).to.contain('0x');
    expect(stderr).to.match(/^pagewalk: process \d+, .* was killed before it could leave the guest: .* is resumed;/);
    expect(await witness.runState()).to.equal('running');
  });

  it('before it had connected its stub: the pause is known by the registers of its first moment', async () => {
    await using other = await launchKernel('long4');
    await using otherWitness = await Witness.of(other);
    await using stub = await StallingProxy.before(other.gdbEndpoint);
    const silent = stub.stallAt(/qSupported/);
    const orders: ClientOrders = { qmp: other.qmpEndpoint, gdb: stub.endpoint, until: 'paused' };
    const client = spawn(process.execPath, [CLIENT, JSON.stringify(orders)], {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    await silent;
    // They are asked together with the stop, and come when QEMU has written them.
    const folder = join(scratch, 'pagewalk');
    await eventually('the registers are noted', () =>
      readdirSync(folder).some((name) => readFileSync(join(folder, name), 'utf8').includes('"registers"')),
    );
    await killBoth(client);
    expect(await otherWitness.runState()).to.equal('paused');
    stub.flow();
    const { stdout } = await runPagewalk(['restore', '--qmp', other.qmpEndpoint], environment);
    expect(stdout).to.contain('which it had paused, is resumed');
    expect(await otherWitness.runState()).to.equal('running');
  });

  it('does not have its guest resumed once another client has resumed and paused it', async () => {
    await killBoth(await startClient());
    await witness.execute('cont');
    await guest.console.waitForNextLine((line) => line.startsWith('tick '));
    await witness.execute('stop');
    const { status, stdout } = await restore();
    expect(stdout).to.contain('another client has paused it, so it stays paused');
    expect(status).to.equal(0);
    expect(await witness.runState()).to.equal('paused');
    expect(await labels()).to.not.include('gdb');
  });

  it('before the registers of its pause had come: that is said until the guest runs, and what was put back is not sought again', async () => {
    await killBoth(await startClient());
    const folder = join(scratch, 'pagewalk');
    const [journal = ''] = readdirSync(folder);
    const lines = readFileSync(join(folder, journal), 'utf8').trim().split('\n');
    const { registers, ...plan } = JSON.parse(lines.at(-1) ?? '') as Record<string, unknown>;
    expect(registers).to.be.an('object');
    writeFileSync(join(folder, journal), [...lines, JSON.stringify(plan), ''].join('\n'));
    expect((await restore()).stdout).to.match(/so it stays paused.*; the GDB stub is in virtual mode; .* is gone\n$/);
    const [left = ''] = readdirSync(folder);
    // The next run looks at the same guest by it, and has the same to say.
    expect(JSON.parse(readFileSync(join(folder, left), 'utf8').trim().split('\n').at(-1) ?? '')).to.deep.equal({
      ...{ qmp: plan['qmp'], resume: true },
    });
    expect((await restore()).stdout).to.match(/so it stays paused \([^)]*\)\n$/);
    await witness.execute('cont');
    expect((await restore()).stdout).to.match(/: the guest runs\n$/);
    expect(readdirSync(scratch)).to.deep.equal([]);
  });

  it('had only the stub: the next run by the stub says what it puts back, and resumes the guest', async () => {
    await using other = await launchKernel('long4');
    await using of = await Witness.of(other);
    const orders: ClientOrders = { gdb: other.gdbEndpoint, until: 'paused' };
    await killBoth(await startClient('paused', orders));
    expect(await of.runState()).to.equal('paused');
    const run = await runPagewalk(['translate', ADDRESS, '--brief', '--gdb', other.gdbEndpoint], environment);
    expect(run.status, run.stderr).to.equal(0);
    expect(run.stderr).to.match(/^pagewalk: .*was killed.*is resumed.*the GDB stub is in virtual mode/m);
    expect(await of.runState()).to.equal('running');
    expect(readdirSync(scratch)).to.deep.equal([]);
  });

  it('had found the guest paused: it stays paused', async () => {
    await witness.execute('stop');
    await killBoth(await startClient());
    expect((await restore()).stdout).to.not.contain('resumed');
    expect(await witness.runState()).to.equal('paused');
  });

  it('had resumed the guest: a pause that came later is another client’s', async () => {
    const client = await startClient('resumed');
    await witness.execute('stop');
    await killBoth(client);
    await restore();
    expect(await witness.runState()).to.equal('paused');
    expect(await labels()).to.not.include('gdb');
  });

  it('after it had taken its stub away, and before it had heard of that: nothing is left to try', async () => {
    await killBoth(await startClient());
    await witness.hmp('gdbserver none');
    expect((await restore()).stdout).to.contain('which it had paused, is resumed');
    expect(await witness.runState()).to.equal('running');
    expect(readdirSync(scratch)).to.deep.equal([]);
  });

  it('and whose guest has ended, too: the next run, of another guest, puts its files away', async () => {
    await using other = await launchKernel('long4', { gdb: false });
    const brief = await launchKernel('long4', { gdb: false });
    const orders: ClientOrders = { qmp: brief.qmpEndpoint, until: 'paused' };
    await killBoth(await startClient('paused', orders));
    await brief.stop();
    expect(readdirSync(scratch)).to.have.length(2);
    const { stdout } = await runPagewalk(['restore', '--qmp', other.qmpEndpoint], environment);
    expect(stdout).to.equal('nothing to put back\n');
    expect(readdirSync(scratch)).to.deep.equal([]);
  });

  it('leaves a journal that is not heeded while the client lives, and not at all for another guest', async () => {
    const client = await startClient();
    const folder = join(scratch, 'pagewalk');
    expect(readdirSync(folder)).to.have.length(1);
    await using other = await launchKernel('long4', { gdb: false });
    const { stdout } = await runPagewalk(['restore', '--qmp', other.qmpEndpoint], environment);
    expect(stdout).to.equal('nothing to put back\n');
    expect(readdirSync(folder)).to.have.length(1);
    client.kill('SIGTERM');
    await eventually('the watchdog has put all back', () => !existsSync(folder));
    expect(await witness.runState()).to.equal('running');
  });
});
