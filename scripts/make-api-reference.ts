import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/*
 * `npm run docs:api`: makes the API reference from the comments of what each entry of the package exports, in dist/api.
 *
 * TypeDoc reads the emitted typings, with a compiler of its own: TypeScript 7 has no compiler API. Both are installed below dist/
 * and nowhere else, so that the package's own dependencies have one compiler.
 */

/** Seen from dist/scripts, where this file runs. */
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TOOL = join(ROOT, 'scripts/api-reference');
const WORK = join(ROOT, 'dist/api-reference');
/** Apart from the modules, which belong to this package: they import it by its name. */
const INSTALLED = join(WORK, 'tool');
const OUT = join(ROOT, 'dist/api');

const description = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  readonly version: string;
  readonly exports: Readonly<Record<string, string | { readonly types?: string }>>;
};

function run(program: string, words: readonly string[], directory: string): void {
  const { status, error } = spawnSync(program, words, { cwd: directory, stdio: 'inherit' });
  if (status === 0) return;
  throw new Error(`${program} ${words[0]} failed: ${error?.message ?? `exit status ${status}`}`);
}

/** A program, such as the watchdog, is an entry too, and exports nothing. */
function hasNames({ types }: { readonly types?: string }): boolean {
  return types !== undefined && /^export (?!\{\s*\})/m.test(readFileSync(join(ROOT, types), 'utf8'));
}

/** One module for each entry that has types, named as it is imported. @returns the files */
function writeModules(): string[] {
  const entries = Object.entries(description.exports).filter(
    ([, target]) => typeof target !== 'string' && hasNames(target),
  );
  return entries.map(([entry]) => {
    const name = entry.replace(/^\./, 'pagewalk');
    const file = join(WORK, `${name}.ts`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `export * from '${name}';\n`);
    return file;
  });
}

function configure(modules: readonly string[]): void {
  const compilerOptions = {
    target: 'es2023',
    lib: ['es2023', 'esnext.disposable'],
    module: 'nodenext',
    strict: true,
    skipLibCheck: true,
    noEmit: true,
    types: ['node'],
  };
  const typedocOptions = {
    name: `pagewalk ${description.version}`,
    entryPoints: modules,
    out: OUT,
    readme: 'none',
    excludeInternal: true,
    // What a public signature names is exported, or it is a mistake.
    treatWarningsAsErrors: true,
    disableSources: true,
    githubPages: false,
  };
  writeFileSync(join(WORK, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: modules, typedocOptions }));
}

mkdirSync(INSTALLED, { recursive: true });
for (const name of ['package.json', 'package-lock.json']) copyFileSync(join(TOOL, name), join(INSTALLED, name));
run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], INSTALLED);
configure(writeModules());
rmSync(OUT, { recursive: true, force: true });
run(process.execPath, [join(INSTALLED, 'node_modules/typedoc/bin/typedoc')], WORK);
