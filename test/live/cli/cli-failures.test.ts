import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { GdbClient } from '../../../protocols/gdb/index.ts';
import { connect } from '../../../protocols/transport/index.ts';
import { launchQemu, type QemuProcess } from '../../../src/testing/index.ts';
import { KERNELS } from '../../kernels/manifests/kernels.ts';
import { kernelPage } from '../../kernels/manifests/manifest.ts';
import { launchKernel } from '../../support/live/guest/kernel-guest.ts';
import { Witness } from '../../support/live/guest/witness.ts';
import { StallingProxy } from '../../support/live/peer/stalling-proxy.ts';
import { type PagewalkRun, runPagewalk, startPagewalk } from '../../support/live/run-pagewalk.ts';

const ADDRESS = `0x${kernelPage(KERNELS.long4, 'rw').address.toString(16)}`;
const TIMEOUT_MS = 500;
/** In so much what answers is reached on a busy machine, too. */
const REACHED_WITHIN_MS = 2000;
/** Node's start, the timeout, and a machine that is busy. What must not happen is a hang. */
const PATIENCE_MS = 10_000;

describe('the command pagewalk, and endpoints that are not what they should be', function () {
  this.timeout(60_000);

  let directory: string;
  let path: string;
  let server: Server;

  /** A server that says these words to each client, and nothing to anything. */
  async function serve(words: string | undefined): Promise<void> {
    server = createServer((socket) => {
      socket.on('error', () => {});
      socket.resume();
      if (words !== undefined) socket.write(words);
    });
    server.listen(path);
    await once(server, 'listening');
  }

  async function failure(option: '--qmp' | '--gdb', endpoint: string, timeoutMs = REACHED_WITHIN_MS): Promise<string> {
    const startedMs = Date.now();
    const exit = await runPagewalk(['translate', '1', option, endpoint, '--timeout', String(timeoutMs)]);
    expect(Date.now() - startedMs).to.be.below(PATIENCE_MS);
    expect(exit).to.include({ status: 3, stdout: '' });
    expect(exit.stderr).to.match(/^pagewalk: .*\n$/);
    expect(exit.stderr).to.contain(endpoint);
    return exit.stderr;
  }

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'pagewalk-cli-'));
    path = join(directory, 'socket');
    server = createServer();
  });

  afterEach(async () => {
    server.close();
    await rm(directory, { recursive: true });
  });

  for (const option of ['--qmp', '--gdb'] as const) {
    it(`${option}: no such socket`, async () => {
      expect(await failure(option, `unix:${path}`)).to.match(/there is no such socket.*\(ENOENT\)/);
    });

    it(`${option}: no process listens there`, async () => {
      const probe = createServer().listen(0, '127.0.0.1');
      await once(probe, 'listening');
      const address = probe.address();
      const port = typeof address === 'object' ? address?.port : undefined;
      probe.close();
      await once(probe, 'close');
      expect(await failure(option, `tcp:127.0.0.1:${port}`)).to.match(
        /no process listens on this port.*\(ECONNREFUSED\)/,
      );
    });

    it(`${option}: a server that says nothing`, async () => {
      await serve(undefined);
      expect(await failure(option, `unix:${path}`, TIMEOUT_MS)).to.contain(`${TIMEOUT_MS} ms`);
    });

    it(`${option}: a web server`, async () => {
      await serve('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
      expect(await failure(option, `unix:${path}`)).to.contain('HTTP');
    });

    it(`${option}: noise`, async () => {
      await serve('\x00\xff\x80garbage\n'.repeat(100));
      expect(await failure(option, `unix:${path}`)).to.contain('garbage');
    });

    it(`${option}: a command that fails`, async () => {
      expect(await failure(option, 'exec:echo no route to the lab >&2; exit 7')).to.match(
        /status 7.*no route to the lab/,
      );
    });
  }

  it('a guest that is not x86, either way', async () => {
    const binary = 'qemu-system-aarch64';
    const guest = await launchQemu({ binary, machine: 'virt', debugcon: false });
    try {
      const { status, stderr } = await runPagewalk(['translate', '0', '--qmp', guest.qmpEndpoint]);
      expect(status).to.equal(3);
      expect(stderr).to.match(/is aarch64; only x86 guests \(x86_64, i386\) can be walked\n$/);
      const throughStub = await runPagewalk(['translate', '0', '--gdb', guest.gdbEndpoint]);
      expect(throughStub.status).to.equal(3);
      expect(throughStub.stderr).to.match(/debugs a guest of architecture '(arm|aarch64)'; only x86 guests/);
      const witness = await Witness.of(guest);
      expect(await witness.runState()).to.equal('running');
      await witness[Symbol.asyncDispose]();
    } finally {
      await guest.stop();
    }
  });
});

describe('the command pagewalk, when it is ended in the middle', function () {
  this.timeout(60_000);

  let guest: QemuProcess;
  let witness: Witness;
  let stub: StallingProxy;

  /** A run that has paused the guest and waits for the first entry, which does not come. */
  async function startStalled(more: readonly string[] = [], qmp = guest.qmpEndpoint): Promise<PagewalkRun> {
    const stalled = stub.stallAt(/\$m/);
    const words = ['translate', ADDRESS, '--qmp', qmp, '--gdb', stub.endpoint];
    const patient = ['--max-pause', '60000', ...more];
    const run = startPagewalk([...words, ...patient]);
    await Promise.race([stalled, run.ended.then((exit) => expect.fail(`ended before: ${exit.stderr}`))]);
    expect(await witness.runState()).to.equal('paused');
    return run;
  }

  async function awaitRunning(): Promise<void> {
    const deadlineMs = Date.now() + PATIENCE_MS;
    while ((await witness.runState()) !== 'running') {
      if (Date.now() > deadlineMs) expect.fail('the guest was not resumed');
      await delay(20);
    }
    await guest.console.waitForNextLine((line) => line.startsWith('tick '));
  }

  /** The mode that the next debugger finds the stub in. */
  async function physicalMode(): Promise<string> {
    await witness.execute('stop');
    const gdb = await GdbClient.connect(await connect(guest.gdbEndpoint, { timeoutMs: 5000 }));
    try {
      // long4 maps nothing at this address, so that only a physical read succeeds.
      return await gdb.readMemory(0x7000_0000n, 8).then(
        () => 'physical',
        () => 'virtual',
      );
    } finally {
      await gdb.close();
    }
  }

  beforeEach(async () => {
    guest = await launchKernel('long4');
    witness = await Witness.of(guest);
    stub = await StallingProxy.before(guest.gdbEndpoint);
  });

  afterEach(async () => {
    await stub[Symbol.asyncDispose]();
    await witness[Symbol.asyncDispose]();
    await guest.stop();
  });

  for (const [name, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    it(`${name}: puts the guest back and exits with ${status}`, async () => {
      const { child, ended } = await startStalled();
      child.kill(name);
      await delay(100);
      stub.flow();
      expect(await ended).to.deep.equal({ status, stdout: '', stderr: `pagewalk: ended by ${name}\n` });
      expect(await witness.runState()).to.equal('running');
      expect(await physicalMode()).to.equal('virtual');
    });
  }

  it('a second signal does not keep it from putting the guest back', async () => {
    const { child, ended } = await startStalled();
    child.kill('SIGINT');
    await delay(100);
    child.kill('SIGINT');
    child.kill('SIGTERM');
    await delay(100);
    stub.flow();
    expect(await ended).to.include({ status: 130, stdout: '' });
    expect(await witness.runState()).to.equal('running');
    expect(await physicalMode()).to.equal('virtual');
  });

  it('a signal while the stub says nothing any more: the guest runs again after the timeout', async () => {
    const { child, ended } = await startStalled(['--timeout', String(REACHED_WITHIN_MS)]);
    child.kill('SIGINT');
    const { status, stdout, stderr } = await ended;
    expect({ status, stdout }).to.deep.equal({ status: 130, stdout: '' });
    expect(stderr).to.match(/^pagewalk: ended by SIGINT\n/);
    // The watchdog tries from a fresh connection to put the stub back, too, and pauses the guest once more for that.
    await awaitRunning();
  });

  it('SIGKILL: the watchdog resumes the guest and puts the stub back', async () => {
    const { child, ended } = await startStalled();
    child.kill('SIGKILL');
    stub.flow();
    expect(await ended).to.include({ status: null, stdout: '' });
    await awaitRunning();
    expect(await physicalMode()).to.equal('virtual');
  });

  it('a paused guest is left paused by a signal', async () => {
    await witness.execute('stop');
    const { child, ended } = await startStalled();
    child.kill('SIGTERM');
    stub.flow();
    expect(await ended).to.include({ status: 143 });
    expect(await witness.runState()).to.equal('paused');
  });

  it('QEMU that dies is reported at once, even when its stub does not say so', async () => {
    const { ended } = await startStalled(['--timeout', String(10 * PATIENCE_MS)]);
    process.kill(guest.pid, 'SIGKILL');
    const { status, stdout, stderr } = await ended;
    expect({ status, stdout }).to.deep.equal({ status: 3, stdout: '' });
    expect(stderr).to.match(/^pagewalk: the connection to the GDB stub .* was closed: .*QEMU exited .*\n$/);
  });

  it('QEMU that dies is reported, even when its monitor says so later than its stub', async () => {
    const monitor = await StallingProxy.before(guest.qmpEndpoint);
    try {
      const { ended } = await startStalled([], monitor.endpoint);
      monitor.stall();
      process.kill(guest.pid, 'SIGKILL');
      await guest.exited;
      stub.flow();
      await delay(100);
      monitor.flow();
      const { status, stdout, stderr } = await ended;
      expect({ status, stdout }).to.deep.equal({ status: 3, stdout: '' });
      // Behind a proxy it is not known whether QEMU is gone, or the way to it.
      expect(stderr).to.match(
        /^pagewalk: .*QEMU exited.*\n(?:pagewalk: the guest .* may have been left paused, .* The watchdog goes on .*\n)?$/,
      );
    } finally {
      await monitor[Symbol.asyncDispose]();
    }
  });
});
