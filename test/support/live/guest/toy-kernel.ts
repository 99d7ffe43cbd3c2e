import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** Seen from dist/test/support/live/guest, where this file runs: the kernel of the first example. */
const SOURCE = fileURLToPath(new URL('../../../../../examples/toy-kernel/kernel.asm', import.meta.url));
const run = promisify(execFile);

/** Where things lie in the toy kernel: its source says it in its first lines. */
export const TOY = {
  text: 0x100000n,
  data: 0x102000n,
  guard: 0x103000n,
  stack: 0x104000n,
  users: 0x105000n,
  tables: 0x106000n,
} as const;

/** Assembles the toy kernel for the suite in which it is called. Returns what names its image. */
export function useToyKernel(): () => string {
  let directory: string | undefined;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'pagewalk-'));
    await run('nasm', ['-f', 'bin', '-o', join(directory, 'kernel.bin'), SOURCE]);
  });

  after(async () => {
    if (directory !== undefined) await rm(directory, { recursive: true });
  });

  return () => {
    if (directory === undefined) throw new Error('the kernel is there only while tests run');
    return join(directory, 'kernel.bin');
  };
}
