import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { BenchError } from '../bench-error.ts';

/** Seen from dist/scripts/bench/measures, where this file runs. */
const COMMAND = fileURLToPath(new URL('../../../bundles/command/pagewalk.js', import.meta.url));

/** Runs Node to its end. What it prints goes to a pipe, as in a script. @throws BenchError where it fails. */
export async function runNode(words: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<void> {
  const env = { ...process.env, ...environment };
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'pipe'], env });
  let complaints = '';
  child.stdout.resume();
  child.stderr.on('data', (chunk: Buffer) => {
    complaints += chunk.toString();
  });
  const [status] = await once(child, 'close');
  // 1 is an answer too: SMAP keeps the kernel from the pages of a process.
  if (status !== 0 && status !== 1)
    throw new BenchError(`node ${words.join(' ')} ended with status ${status}: ${complaints}`);
}

/** The same of the bundled command. */
export function runCommand(words: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<void> {
  return runNode([COMMAND, ...words], environment);
}
