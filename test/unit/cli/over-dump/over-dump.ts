import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CliContext, runCli } from '../../../../src/cli/index.ts';
import { mappedDump } from '../../../support/builders/mapped-dump.ts';
import { quietContext } from '../../../support/fakes/quiet-context.ts';

/** How a command line ended, and what it said, by lines. */
export interface Ended {
  readonly status: number;
  readonly out: readonly string[];
  readonly err: readonly string[];
}

/** A command line about a dump, run in this process, and what is kept for it in a folder of its own. */
export class OverDump implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'pagewalk-over-dump-'));
  readonly dump: string;

  constructor(dump = mappedDump()) {
    this.dump = this.file('guest.elf', dump);
  }

  /** Writes a file. @returns its path */
  file(name: string, content: string | Uint8Array): string {
    const path = join(this.#folder, name);
    writeFileSync(path, content);
    return path;
  }

  /** Runs a command without an endpoint, over the dump. @param line - words with blanks between them */
  run(line: string): Promise<Ended> {
    return this.runBare(`${line} --dump ${this.dump}`);
  }

  /** Runs a command as it is. */
  runBare(line: string): Promise<Ended> {
    return this.runIn({}, line);
  }

  /** Runs a command as it is, in a context of its own. */
  async runIn(parts: Partial<CliContext>, line: string): Promise<Ended> {
    const err: string[] = [];
    const printed: string[] = [];
    const context = quietContext({
      // Names of a kernel are kept from run to run.
      environment: { XDG_CACHE_HOME: this.#folder },
      print: (text) => void printed.push(text),
      complain: (said) => void err.push(said),
      ...parts,
    });
    const status = await runCli(
      line.split(' ').filter((word) => word !== ''),
      context,
    );
    return { status, out: printed.join('').split('\n').slice(0, -1), err };
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true });
  }
}

/** What is assumed of this dump, beside the A20 gate, which not every answer asks about. */
const ASSUMED = [
  ['MAXPHYADDR=52', 'MAXPHYADDR'],
  ['vendor=intel', 'the vendor'],
  ['PSE-36=true', 'CPUID.PSE-36'],
  ['1 GB pages=true', 'CPUID.Page1GB'],
] as const;
const A20 = ['A20=true', 'the A20 gate'] as const;

/** The sentences on what is assumed of a whole map. */
export const ASSUMED_OF_MAP = [A20, ...ASSUMED].map(
  ([value, what]) => `${value} (the dump does not hold ${what}); the outcome depends on it`,
);

/** The sentences below one walk. @param deciding - names of what the outcome depends on */
export function assumedOfWalk(...deciding: readonly string[]): string[] {
  return ASSUMED.map(([value, what]) => {
    const word = deciding.includes(value.split('=')[0] ?? '') ? 'depends' : 'does not depend';
    return `! assumed: ${value} (the dump does not hold ${what}); the outcome ${word} on it`;
  });
}
