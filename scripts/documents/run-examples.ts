import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Block } from './blocks.ts';

const run = promisify(execFile);

/** Inside of the package, so that examples import it by its name. Seen from dist/scripts/readme, where this file runs. */
const DIRECTORY = new URL('../../readme/', import.meta.url);
const COMPILER = fileURLToPath(new URL('../../../node_modules/.bin/tsc', import.meta.url));

const CONFIG = {
  compilerOptions: {
    target: 'es2023',
    module: 'nodenext',
    strict: true,
    noUnusedLocals: true,
    skipLibCheck: true,
    types: ['node'],
    rootDir: '.',
    outDir: 'out',
  },
  include: ['*.ts'],
};

/**
 * Compiles the examples of a document as a user of the package would.
 *
 * @throws Error with the compiler's complaints
 */
export async function compileExamples(blocks: readonly Block[]): Promise<void> {
  await mkdir(DIRECTORY, { recursive: true });
  await writeFile(new URL('tsconfig.json', DIRECTORY), JSON.stringify(CONFIG));
  for (const { argument, body } of examplesOf(blocks)) await writeFile(new URL(`${argument}.ts`, DIRECTORY), body);
  try {
    await run(COMPILER, ['-p', fileURLToPath(DIRECTORY)]);
  } catch (error) {
    throw new Error(`an example does not compile:\n${(error as { stdout?: string }).stdout}`, { cause: error });
  }
}

/** Runs a compiled example. @returns what it printed */
export async function runExample(name: string, environment: Readonly<Record<string, string>>): Promise<string> {
  const program = fileURLToPath(new URL(`out/${name}.js`, DIRECTORY));
  const { stdout } = await run(process.execPath, [program], { env: { ...process.env, ...environment } });
  return stdout;
}

function examplesOf(blocks: readonly Block[]): readonly Block[] {
  return blocks.filter(({ kind }) => kind === 'example');
}
