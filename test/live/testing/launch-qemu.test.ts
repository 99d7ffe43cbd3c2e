import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { launchQemu, QemuLaunchError, QemuOptionError } from '../../../src/testing/index.ts';
import { kernelImage } from '../../support/live/guest/kernel-guest.ts';
import { RawQmp } from '../../support/live/peer/raw-qmp.ts';

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function waitUntil(condition: () => boolean, timeoutMs = 5000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`it did not happen in ${timeoutMs} ms`);
    await delay(10);
  }
}

async function failureOf(promise: Promise<unknown>): Promise<QemuLaunchError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).to.be.instanceOf(QemuLaunchError);
  return error as QemuLaunchError;
}

/** Launches a guest, says where it is, and hangs. */
const HANGING_PROGRAM = `
  const { launchQemu } = await import(process.argv[1]);
  const guest = await launchQemu({ paused: true });
  process.stdout.write(guest.pid + ' ' + guest.directory + '\\n');
  setInterval(() => {}, 1000);
`;

/** Waits a little, and asks a monitor for the run state. */
const ASKING_LATE_PROGRAM = `
  setTimeout(() => {
    const socket = require('node:net').connect(process.argv[1]);
    socket.write('{"execute":"qmp_capabilities"}{"execute":"query-status","id":1}');
    require('node:readline').createInterface({ input: socket }).on('line', (line) => {
      const { id, return: answer } = JSON.parse(line);
      if (id !== 1) return;
      console.log(answer.status);
      socket.destroy();
    });
  }, 500);
`;

describe('launchQemu', function () {
  this.timeout(30_000);

  it('answers on QMP, and on its second QMP socket at the same time', async () => {
    await using guest = await launchQemu({ paused: true });
    await using client = await RawQmp.open(guest.qmpEndpoint);
    await using witness = await RawQmp.open(guest.witnessEndpoint);
    expect(await client.execute('query-status')).to.include({ status: 'prelaunch', running: false });
    expect(await witness.execute('query-status')).to.include({ status: 'prelaunch', running: false });
  });

  it('has a guest that is not held up by what it says while its test waits for another program', async () => {
    await using guest = await launchQemu({ kernel: kernelImage('long4'), cpu: 'max', ready: /^ready long4$/ });
    // Nothing of this process runs meanwhile. The guest says some hundred bytes each 20 ms.
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['-e', ASKING_LATE_PROGRAM, guest.qmpEndpoint.slice('unix:'.length)],
      { encoding: 'utf8', timeout: 20_000 },
    );
    expect({ status, stdout, stderr }).to.deep.equal({ status: 0, stdout: 'running\n', stderr: '' });
  });

  it('keeps its sockets in a directory for this user only', async () => {
    await using guest = await launchQemu({ paused: true });
    expect(statSync(guest.directory).mode & 0o777).to.equal(0o700);
    expect(existsSync(guest.gdbEndpoint.slice('unix:'.length))).to.equal(true);
  });

  it('leaves no process and no directory', async () => {
    const guest = await launchQemu({ kernel: kernelImage('long4') });
    await guest.stop();
    await guest.stop();
    expect(isAlive(guest.pid)).to.equal(false);
    expect(existsSync(guest.directory)).to.equal(false);
    expect(await guest.exited).to.deep.equal({ status: null, signal: 'SIGKILL' });
  });

  for (const signal of ['SIGKILL', 'SIGTERM', 'SIGINT'] as const) {
    it(`ends with the process that started it, killed by ${signal}`, async () => {
      const library = new URL('../../../src/testing/index.js', import.meta.url).href;
      const program = spawn(process.execPath, ['--input-type=module', '-e', HANGING_PROGRAM, library], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const [chunk] = await once(program.stdout, 'data');
      const [pid, directory] = String(chunk).trim().split(' ');
      expect(isAlive(Number(pid)) && existsSync(String(directory))).to.equal(true);
      program.kill(signal);
      await waitUntil(() => !isAlive(Number(pid)) && !existsSync(String(directory)));
    });
  }

  it('says what QEMU said when it refuses to start', async () => {
    const error = await failureOf(launchQemu({ cpu: 'no-such-cpu' }));
    expect(error.code).to.equal('ERR_TESTING_EXITED');
    expect(error.output).to.contain('no-such-cpu');
    expect(error.command).to.include('no-such-cpu');
  });

  it('says that the program is missing', async () => {
    const error = await failureOf(launchQemu({ binary: '/nonexistent/qemu' }));
    expect(error.code).to.equal('ERR_TESTING_SPAWN');
    expect(error.message).to.contain('/nonexistent/qemu');
  });

  it('keeps a program whose QEMU is missing from nothing: it ends when it has nothing to do', async () => {
    const module = fileURLToPath(new URL('../../../src/testing/index.js', import.meta.url));
    const lines = `
      import { launchQemu } from ${JSON.stringify(module)};
      await launchQemu({ binary: '/nonexistent/qemu' }).catch(() => {});`;
    const program = spawn(process.execPath, ['--input-type=module', '--eval', lines], { stdio: 'inherit' });
    const ended = once(program, 'exit', { signal: AbortSignal.timeout(10_000) });
    expect(await ended.finally(() => program.kill())).to.deep.equal([0, null]);
  });

  it('ends a QEMU that does not answer in time', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'silent-'));
    try {
      const binary = join(directory, 'silent');
      await writeFile(binary, '#!/bin/sh\necho $$ >&2\nexec sleep 60\n', { mode: 0o700 });
      const error = await failureOf(launchQemu({ binary, startTimeoutMs: 300 }));
      expect(error.code).to.equal('ERR_TESTING_TIMEOUT');
      expect(isAlive(Number(error.output))).to.equal(false);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('refuses to name a stub that was not asked for', async () => {
    await using guest = await launchQemu({ paused: true, gdb: false });
    expect(() => guest.gdbEndpoint).to.throw(QemuOptionError);
  });
});
