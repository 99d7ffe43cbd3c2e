import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Block } from './blocks.ts';

const run = promisify(execFile);

/** Inside of the package, so that examples import it by its name. Seen from dist/scripts/documents, where this file runs. */
const DIRECTORY = fileURLToPath(new URL('../../examples/', import.meta.url));
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

/** Runs a compiled example. @returns what it printed */
export type RunExample = (name: string, environment: Readonly<Record<string, string>>) => Promise<string>;

/**
 * Compiles the examples of a document as a user of the package would, in a directory that is gone after use.
 *
 * @throws Error with the compiler's complaints
 */
export async function compileExamples(
  blocks: readonly Block[],
): Promise<{ readonly run: RunExample } & AsyncDisposable> {
  await mkdir(DIRECTORY, { recursive: true });
  const directory = await mkdtemp(DIRECTORY);
  const remove = () => rm(directory, { recursive: true, force: true });
  try {
    await compile(directory, blocks);
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    run: async (name, environment) => {
      const program = join(directory, 'out', `${name}.js`);
      const { stdout } = await run(process.execPath, [program], { env: { ...process.env, ...environment } });
      return stdout;
    },
    [Symbol.asyncDispose]: remove,
  };
}

async function compile(directory: string, blocks: readonly Block[]): Promise<void> {
  const examples = blocks.filter(({ kind }) => kind === 'example');
  if (examples.length === 0) return;
  await writeFile(join(directory, 'tsconfig.json'), JSON.stringify(CONFIG));
  for (const { argument, body } of examples) await writeFile(join(directory, `${argument}.ts`), body);
  try {
    await run(COMPILER, ['-p', directory]);
  } catch (error) {
    throw new Error(`an example does not compile:\n${(error as { stdout?: string }).stdout}`, { cause: error });
  }
}
