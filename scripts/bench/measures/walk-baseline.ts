import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { BenchError } from '../bench-error.ts';
import type { AddressList, SyntheticTables } from '../guests/synthetic-tables.ts';

/** Seen from dist/scripts/bench/measures, where this file runs. */
const SOURCE = fileURLToPath(new URL('../../../../scripts/bench/measures/walk-baseline.c', import.meta.url));

const run = promisify(execFile);

/** Walks in C over the same tables and addresses, compiled in this run by this machine's compiler. */
export class WalkBaseline {
  readonly #program: string;
  readonly #files: readonly string[];
  readonly #root: string;

  private constructor(program: string, files: readonly string[], root: string) {
    this.#program = program;
    this.#files = files;
    this.#root = root;
  }

  /** @throws BenchError without a C compiler. */
  static async compile(directory: string, tables: SyntheticTables, addresses: AddressList): Promise<WalkBaseline> {
    const program = join(directory, 'walk-baseline');
    const files = [join(directory, 'tables'), join(directory, 'addresses')] as const;
    try {
      await run('cc', ['-O2', '-o', program, SOURCE]);
    } catch (cause) {
      throw new BenchError('walk-baseline.c could not be compiled by cc -O2; Debian: apt-get install gcc libc6-dev', {
        cause,
      });
    }
    await writeFile(files[0], tables.memory);
    await writeFile(files[1], new Uint8Array(addresses.buffer));
    return new WalkBaseline(program, files, tables.root.toString(16));
  }

  /**
   * Two passes over the addresses, the second with caches as warm as they get. Each access is a user's write.
   *
   * @param link - `linked`: a walk begins when the one before has ended; `free`: walks overlap
   */
  async walkAll(link: 'linked' | 'free'): Promise<{ readonly nsPerWalk: number; readonly checksum: string }> {
    const { stdout } = await run(this.#program, [...this.#files, this.#root, 'wu', link, '2']);
    const [, nsPerWalk, checksum = ''] = stdout.split('\n');
    return { nsPerWalk: Number(nsPerWalk), checksum };
  }
}
