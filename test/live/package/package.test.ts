import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';

const run = promisify(execFile);

/** Seen from dist/test/live/package, where this file runs. */
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

interface Description {
  readonly version: string;
  readonly exports: Readonly<Record<string, unknown>>;
  readonly bin: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
}

/** Two exports of each entry that a user would look for. */
const EXPORTS: Readonly<Record<string, readonly string[]>> = {
  '.': ['attach', 'translate'],
  './paging': ['translate', 'createContext'],
  './abi': ['toTranslate2Answer', 'encodeTranslate2'],
  './gdb': ['GdbClient', 'GdbError'],
  './qmp': ['QmpClient', 'queryStatus'],
  './testing': ['launchQemu', 'GuestConsole'],
};

describe('the package, as somebody gets it who installs it', function () {
  this.timeout(60_000);

  let directory: string;
  let installed: string;
  let description: Description;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'pagewalk-'));
    // Without scripts: packing builds otherwise, under the tests that run from the build.
    const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', directory];
    const { stdout } = await run('npm', pack, { cwd: ROOT });
    const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
    const modules = join(directory, 'node_modules');
    await mkdir(modules);
    await run('tar', ['-xzf', join(directory, filename), '-C', modules]);
    installed = join(modules, 'pagewalk');
    await rename(join(modules, 'package'), installed);
    description = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8')) as Description;
    for (const name of Object.keys(description.dependencies)) {
      await symlink(join(ROOT, 'node_modules', name), join(modules, name));
    }
  });

  after(() => rm(directory, { recursive: true, force: true }));

  it('has every entry that it says, and what belongs there', async () => {
    const entries = Object.keys(description.exports).filter((name) => name !== './package.json');
    expect(entries).to.have.members(Object.keys(EXPORTS));
    for (const [entry, names] of Object.entries(EXPORTS)) {
      const specifier = entry.replace('.', 'pagewalk');
      const code = `const m = await import('${specifier}'); console.log(Object.keys(m).join(' '))`;
      const { stdout } = await run(process.execPath, ['--input-type=module', '-e', code], { cwd: directory });
      expect(stdout.trim().split(' '), specifier).to.include.members([...names]);
    }
  });

  it('lets nobody import what is not meant to be', async () => {
    const code = "await import('pagewalk/dist/src/guest/attach.js')";
    const outcome = await run(process.execPath, ['--input-type=module', '-e', code], { cwd: directory }).then(
      () => 'imported',
      (error: Error & { stderr?: string }) => error.stderr ?? '',
    );
    expect(outcome).to.contain('ERR_PACKAGE_PATH_NOT_EXPORTED');
  });

  it('has a command that runs', async () => {
    const program = join(installed, description.bin['pagewalk'] ?? '');
    expect((await readFile(program, 'utf8')).split('\n', 1)).to.deep.equal(['#!/usr/bin/env node']);
    const { stdout } = await run(process.execPath, [program, '--version']);
    expect(stdout).to.equal(`${description.version}\n`);
  });

  it('has types for every module, documents, and nothing of tests, scripts and source maps', async () => {
    const files = (await readdir(installed, { recursive: true })).sort();
    const sources = files.filter((name) => name.endsWith('.js'));
    expect(sources.length).to.be.above(100);
    expect(sources.filter((name) => !files.includes(name.replace(/\.js$/, '.d.ts')))).to.deep.equal([]);
    for (const document of [
      'README.md',
      'docs/commands.md',
      'LICENSE',
      'CHANGELOG.md',
      'SECURITY.md',
      'protocols/README.md',
    ]) {
      expect(files).to.include(document);
    }
    const strays = files.filter((name) =>
      /\.map$|\.tsbuildinfo$|^dist\/(test|scripts|kernels|examples)\b|\.test\./.test(name),
    );
    expect(strays).to.deep.equal([]);
  });
});
