import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { BrokenCopy } from '../../broken-copy.ts';
import { type Bench, collectApart } from './collect-runs.ts';
import type { RunOfTest } from './run-of-test.ts';

/** Where the project was when a run was kept: each copy of it has another name. */
const ROOT = '@root@';

/**
 * What tests that start processes run of the product, kept in a file between two calls: finding it out takes ten minutes and more,
 * and while tests are written for faults that were missed, the product stays the same. The first line of the file
 * stands for the product; after a change of it all is found out anew, and after a change of a test that one.
 */
export class KeptRuns {
  readonly #file: string | undefined;
  readonly #copy: BrokenCopy;

  /** @param file - undefined where nothing is to be kept */
  constructor(file: string | undefined, copy: BrokenCopy) {
    this.#file = file;
    this.#copy = copy;
  }

  /** @param tests - below dist */
  async collect(bench: Bench, tests: readonly string[]): Promise<RunOfTest[]> {
    const kept = this.#read();
    const found = tests.flatMap((test) => kept.get(this.#keyOf(test)) ?? []);
    const left = tests.filter((test) => !kept.has(this.#keyOf(test)));
    return [...found, ...(await collectApart(bench, left, (test, run) => this.#keep(test, run)))];
  }

  #read(): Map<string, RunOfTest> {
    const runs = new Map<string, RunOfTest>();
    if (this.#file === undefined) return runs;
    const product = hash(
      ['src/', 'protocols/'].flatMap((folder) => this.#copy.files(folder)).map((file) => this.#copy.read(file)),
    );
    const lines = existsSync(this.#file) ? readFileSync(this.#file, 'utf8').trimEnd().split('\n') : [];
    if (lines[0] !== product) {
      writeFileSync(this.#file, `${product}\n`);
      return runs;
    }
    for (const line of lines.slice(1)) {
      const [key, run] = JSON.parse(line.replaceAll(ROOT, this.#copy.root)) as [string, RunOfTest];
      runs.set(key, run);
    }
    return runs;
  }

  #keep(test: string, run: RunOfTest): void {
    if (this.#file === undefined) return;
    appendFileSync(this.#file, `${JSON.stringify([this.#keyOf(test), run]).replaceAll(this.#copy.root, ROOT)}\n`);
  }

  #keyOf(test: string): string {
    return `${test} ${hash([this.#copy.read(test)])}`;
  }
}

function hash(texts: readonly string[]): string {
  const sum = createHash('sha256');
  for (const text of texts) sum.update(text);
  return sum.digest('hex');
}
