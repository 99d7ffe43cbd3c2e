import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, rm, symlink, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { attach } from '../../../src/guest/index.ts';
import { KERNELS } from '../../kernels/manifests/kernels.ts';
import { kernelPage } from '../../kernels/manifests/manifest.ts';
import { launchKernel } from '../../support/live/guest/kernel-guest.ts';
import { useRunningKernel } from '../../support/live/guest/running-kernel.ts';
import { runPagewalk } from '../../support/live/run-pagewalk.ts';

/** The root of the build, seen from dist/test/live/left-as-found, where this file runs. */
const BUILD = fileURLToPath(new URL('../../../', import.meta.url));
const ADDRESS = `0x${kernelPage(KERNELS.long4, 'key-1').address.toString(16)}`;

describe('temporary folders with odd names', function () {
  this.timeout(60_000);

  const kernel = useRunningKernel('long4', { gdb: false });
  let root: string;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'p-'));
  });

  afterEach(() => rm(root, { recursive: true }));

  /** A user page with a key: the stub's socket and the device state both lie in the folder. */
  async function translateIn(folder: string): Promise<Awaited<ReturnType<typeof runPagewalk>>> {
    const environment = { TMPDIR: folder, XDG_RUNTIME_DIR: root };
    return runPagewalk(['translate', ADDRESS, '--user', '--brief', '--strict', ...kernel.endpoint], environment);
  }

  for (const name of [
    'with a space',
    'with,commas,,',
    '"quotes" and \\ it',
    "single'quote",
    '$(touch x)',
    'ümläut €',
  ]) {
    it(`works in a folder named ${name}`, async () => {
      const folder = join(root, name);
      await mkdir(folder);
      const { status, stderr } = await translateIn(folder);
      // PKRU denies it: with PKRU only assumed, --strict would exit with 4.
      expect({ status, stderr }).to.deep.equal({ status: 1, stderr: '' });
      expect(await readdir(folder)).to.deep.equal([]);
      expect(await readdir(root)).to.deep.equal([name]);
    });
  }

  for (const [what, name] of [
    ['whose name is too long for a socket', 'x'.repeat(90)],
    ['whose name the monitor would take for two lines', 'two\nlines'],
  ] as const) {
    it(`does without one ${what}`, async () => {
      const folder = join(root, name);
      await mkdir(folder);
      const { status, stderr } = await translateIn(folder);
      expect({ status, stderr }).to.deep.equal({ status: 1, stderr: '' });
      expect(await readdir(folder)).to.deep.equal([]);
    });
  }

  it('does without one that is not there', async () => {
    const { status, stderr } = await translateIn(join(root, 'nowhere'));
    expect({ status, stderr }).to.deep.equal({ status: 1, stderr: '' });
    expect(await readdir(root)).to.deep.equal([]);
  });
});

describe('a program that has no watchdog beside it, as in a bundle', function () {
  this.timeout(60_000);

  const kernel = useRunningKernel('long4');
  let root: string;

  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'p-'));
    for (const part of ['src', 'protocols']) await cp(join(BUILD, part), join(root, part), { recursive: true });
    await symlink(join(BUILD, '..', 'node_modules'), join(root, 'node_modules'));
    await unlink(join(root, 'src/guest/restore/watchdog-main.js'));
  });

  after(() => rm(root, { recursive: true }));

  async function run(options: string): Promise<string> {
    const program = `
      import { withPausedGuest } from ${JSON.stringify(join(root, 'src/index.js'))};
      const options = { qmp: ${JSON.stringify(kernel.guest.qmpEndpoint)}, ...${options} };
      await withPausedGuest(options, (paused) => paused.vcpuState());`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      env: { ...process.env, XDG_RUNTIME_DIR: root },
      stdio: ['ignore', 'inherit', 'pipe'],
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    expect((await once(child, 'close'))[0], said).to.equal(0);
    return said;
  }

  it('says so, and works', async () => {
    expect(await run('{}')).to.match(/PAGEWALK_NO_WATCHDOG\] PagewalkWarning: no watchdog: .* the guest stays paused/);
  });

  it('says nothing to one who wants none', async () => {
    expect(await run('{ watchdog: false }')).to.equal('');
  });
});

describe('a QEMU that ends while it is paused by a client that wants no watchdog', function () {
  this.timeout(60_000);

  it('leaves no folder: the client takes it away', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'p-'));
    const { TMPDIR } = process.env;
    const guest = await launchKernel('long4', { gdb: false });
    try {
      process.env['TMPDIR'] = folder;
      const attached = await attach({ qmp: guest.qmpEndpoint, watchdog: false });
      await attached.pause();
      expect(await readdir(folder)).to.have.length(1);
      await guest.stop();
      await attached.detach();
      expect(await readdir(folder)).to.deep.equal([]);
    } finally {
      if (TMPDIR === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = TMPDIR;
      await guest.stop();
      await rm(folder, { recursive: true });
    }
  });
});
