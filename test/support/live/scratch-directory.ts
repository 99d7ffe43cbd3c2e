import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Makes a directory for the suite in which it is called, and takes it away afterwards. Returns what names a file in it. */
export function useScratchDirectory(): (name: string) => string {
  let directory: string | undefined;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'pagewalk-'));
  });

  after(async () => {
    if (directory !== undefined) await rm(directory, { recursive: true });
  });

  return (name) => {
    if (directory === undefined) throw new Error('the directory is there only while tests run');
    return join(directory, name);
  };
}
