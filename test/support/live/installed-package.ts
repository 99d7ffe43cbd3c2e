import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Seen from dist/test/support/live, where this file runs. */
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const COMPILER = join(ROOT, 'node_modules/.bin/tsc');

/** What is read of the package's own description. */
export interface PackageDescription {
  readonly version: string;
  readonly exports: Readonly<Record<string, unknown>>;
  readonly bin: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
}

/** A program's directory with the package in it, installed by npm from what `npm pack` makes. */
export class InstalledPackage implements AsyncDisposable {
  /** The program's directory, which has nothing but its `node_modules`. */
  readonly directory: string;
  readonly description: PackageDescription;
  /** What npm said while it installed. */
  readonly installLog: string;

  private constructor(directory: string, description: PackageDescription, installLog: string) {
    this.directory = directory;
    this.description = description;
    this.installLog = installLog;
  }

  static async make(): Promise<InstalledPackage> {
    const directory = await mkdtemp(join(tmpdir(), 'pagewalk-'));
    try {
      const description = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as PackageDescription;
      // What is installed needs no registry: its dependencies are packed as they lie here.
      const dependencies = Object.keys(description.dependencies).map((name) => join(ROOT, 'node_modules', name));
      // Without scripts: packing builds otherwise, under the tests that run from the build.
      const pack = ['pack', '--ignore-scripts', '--silent', '--pack-destination', directory];
      await run('npm', [...pack, ROOT, ...dependencies]);
      const tarballs = (await readdir(directory)).filter((name) => name.endsWith('.tgz'));
      await writeFile(join(directory, 'package.json'), '{ "private": true, "type": "module" }\n');
      const install = ['install', '--offline', '--no-audit', '--no-fund', ...tarballs.map((name) => `./${name}`)];
      const { stdout, stderr } = await run('npm', install, { cwd: directory });
      return new InstalledPackage(directory, description, stdout + stderr);
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  /** A file of the package. */
  path(name: string): string {
    return join(this.directory, 'node_modules/pagewalk', name);
  }

  /** Every file of the package, from its root. */
  async files(): Promise<readonly string[]> {
    return (await readdir(this.path(''), { recursive: true })).sort();
  }

  /** Runs a module's text in the program's directory. @returns what it printed */
  async run(code: string): Promise<string> {
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', code], { cwd: this.directory });
    return stdout;
  }

  /**
   * Compiles files of the program as one that has neither Node's types nor the DOM's.
   *
   * @param files - texts by their names
   * @returns the compiler's complaints, one a line, but for those of the dependencies about themselves
   */
  async compile(files: Readonly<Record<string, string>>, moduleResolution: 'nodenext' | 'bundler'): Promise<string[]> {
    const compilerOptions = {
      ...(moduleResolution === 'nodenext' ? { module: 'nodenext' } : { module: 'esnext', moduleResolution }),
      target: 'es2022',
      lib: ['es2022'],
      types: [],
      strict: true,
      // A typing that leads nowhere would be `any`, unseen.
      skipLibCheck: false,
      noEmit: true,
    };
    for (const [name, text] of Object.entries(files)) await writeFile(join(this.directory, name), text);
    const config = join(this.directory, 'tsconfig.json');
    await writeFile(config, JSON.stringify({ compilerOptions, files: Object.keys(files) }));
    const complaints = await run(COMPILER, ['-p', config, '--pretty', 'false'], { cwd: this.directory }).then(
      () => '',
      (error: { stdout?: string }) => error.stdout ?? String(error),
    );
    return complaints.split('\n').filter((line) => line !== '' && !/^node_modules\/(?!pagewalk\/)|^ /.test(line));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }
}
