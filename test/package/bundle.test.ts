import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { eventually } from '../support/eventually.ts';
import { useRunningKernel } from '../support/live/guest/running-kernel.ts';
import { InstalledPackage } from '../support/live/installed-package.ts';

const run = promisify(execFile);

/** Seen from dist/test/package, where this file runs. */
const BUNDLER = fileURLToPath(new URL('../../../node_modules/.bin/esbuild', import.meta.url));

const PROGRAM = `
import { withPausedGuest } from 'pagewalk';
import { formatAccess } from 'pagewalk/report';

async function main() {
  const access = { write: false, user: false, exec: false };
  const wantsToDie = process.argv[2] === 'die';
  await withPausedGuest({ qmp: process.env.PAGEWALK_QMP }, async (paused) => {
    const [{ translation }] = await paused.translate([{ linearAddress: 0xffff_8000_0000_1234n, access }]);
    console.log(formatAccess(access), translation.kind, translation.physicalAddress?.toString(16));
    if (wantsToDie) await new Promise(() => setInterval(() => {}, 1000));
  });
}
void main();
`;

/** split2 is CommonJS, and asks for Node's modules by a require() that a module has not. */
const REQUIRE = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

const FORMATS = [
  { format: 'esm', extension: '.mjs', options: [`--banner:js=${REQUIRE}`] },
  { format: 'cjs', extension: '.cjs', options: [] },
] as const;

describe('a bundle with the package in it', function () {
  this.timeout(120_000);

  const kernel = useRunningKernel('long4');
  let installed: InstalledPackage;
  let directory: string;

  before(async () => {
    installed = await InstalledPackage.make();
    await writeFile(join(installed.directory, 'program.js'), PROGRAM);
    directory = await mkdtemp(join(tmpdir(), 'pagewalk-'));
  });

  after(async () => {
    await installed[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  async function bundle(format: (typeof FORMATS)[number], entries: readonly string[]): Promise<string> {
    const target = join(directory, `${format.format}-${entries.length}`);
    const output = ['--bundle', '--platform=node', `--format=${format.format}`, `--outdir=${target}`];
    const options = [...output, `--out-extension:.js=${format.extension}`, '--log-level=warning', ...format.options];
    const { stderr } = await run(BUNDLER, [...entries, ...options], { cwd: installed.directory });
    expect(stderr).to.equal('');
    return target;
  }

  function start(program: string, words: readonly string[]): ReturnType<typeof spawn> {
    const environment = { ...process.env, PAGEWALK_QMP: kernel.guest.qmpEndpoint, XDG_RUNTIME_DIR: directory };
    return spawn(process.execPath, [program, ...words], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  }

  async function outputOf(program: string): Promise<{ stdout: string; stderr: string; status: number }> {
    const child = start(program, []);
    const said = { stdout: '', stderr: '' };
    child.stdout?.on('data', (chunk: Buffer) => {
      said.stdout += chunk.toString();
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      said.stderr += chunk.toString();
    });
    const [status] = (await once(child, 'close')) as [number];
    return { ...said, status };
  }

  for (const format of FORMATS) {
    it(`attaches and translates (${format.format}), with a watchdog that lies beside it`, async () => {
      const target = await bundle(format, ['program.js', 'pagewalk-watchdog=pagewalk/watchdog']);
      expect(await readdir(target)).to.have.members([
        `program${format.extension}`,
        `pagewalk-watchdog${format.extension}`,
      ]);
      const outcome = await outputOf(join(target, `program${format.extension}`));
      expect(outcome).to.deep.equal({ stdout: 'supervisor read mapped 121234\n', stderr: '', status: 0 });
    });

    it(`has its guest resumed when it is killed in a pause (${format.format})`, async () => {
      const target = await bundle(format, ['program.js', 'pagewalk-watchdog=pagewalk/watchdog']);
      const child = start(join(target, `program${format.extension}`), ['die']);
      await once(child.stdout ?? child, 'data');
      expect(await kernel.witness.runState()).to.equal('paused');
      child.kill('SIGKILL');
      await eventually('the guest runs again', async () => (await kernel.witness.runState()) === 'running', {
        patienceMs: 4000,
      });
    });

    it(`works without one, and says what to do (${format.format})`, async () => {
      const target = await bundle(format, ['program.js']);
      const { stdout, stderr, status } = await outputOf(join(target, `program${format.extension}`));
      expect({ stdout, status }).to.deep.equal({ stdout: 'supervisor read mapped 121234\n', status: 0 });
      expect(stderr).to.contain('bundle pagewalk/watchdog beside it as pagewalk-watchdog.js');
    });
  }
});
