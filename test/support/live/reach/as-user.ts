import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { PagewalkExit } from '../run-pagewalk.ts';

/** Seen from dist/test/support/live/reach, where this file runs. */
const PROGRAM = join(import.meta.dirname, '../../../../src/cli/main.js');

/**
 * Runs the command as another user, and without what that user may not do.
 *
 * @param before - words that start it: `unshare`, for example
 */
export async function runAs(
  uid: number,
  words: readonly string[],
  before: readonly string[] = [],
): Promise<PagewalkExit> {
  const drop = ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];
  const [program = '', ...rest] = [...before, ...drop, process.execPath, PROGRAM, ...words];
  const child = spawn(program, rest, {
    env: { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
    });
  }
  const [status] = await once(child, 'close');
  return { status: status as number | null, ...said };
}
