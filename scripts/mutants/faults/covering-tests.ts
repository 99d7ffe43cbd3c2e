import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProgram } from '../run-program.ts';

const MOCHA = 'node_modules/.bin/mocha';
const TIMEOUT_MS = 300_000;

interface Range {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

interface Coverage {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly { readonly ranges: readonly Range[] }[];
  }[];
}

/** Which test files run which places of which files. */
export class CoveringTests {
  /** By file below dist, by test file: what V8 counted. */
  readonly #ranges = new Map<string, Map<string, readonly Range[]>>();

  /** Runs each test file by itself. @param root - of a copy of the project; files are named from its dist */
  static async collect(
    root: string,
    tests: readonly string[],
    lanes: number,
    environment: Readonly<Record<string, string>>,
  ): Promise<CoveringTests> {
    const covering = new CoveringTests();
    const waiting = [...tests];
    await Promise.all(
      Array.from({ length: lanes }, async () => {
        for (let test = waiting.shift(); test !== undefined; test = waiting.shift())
          await covering.#run(root, test, environment);
      }),
    );
    return covering;
  }

  /** The test files that come by a place; those that do little else come first. */
  of(file: string, offset: number): string[] {
    const tests = [...(this.#ranges.get(file) ?? [])]
      .filter(([, ranges]) => isRun(ranges, offset))
      .map(([test]) => test);
    return tests.sort((one, other) => this.#filesOf(one) - this.#filesOf(other));
  }

  #filesOf(test: string): number {
    return [...this.#ranges.values()].filter((tests) => tests.has(test)).length;
  }

  async #run(root: string, test: string, environment: Readonly<Record<string, string>>): Promise<void> {
    const directory = mkdtempSync(join(tmpdir(), 'pagewalk-coverage-'));
    try {
      const { code, said } = await runProgram(
        root,
        [MOCHA, '--reporter', 'dot', test],
        { ...environment, NODE_V8_COVERAGE: directory },
        TIMEOUT_MS,
      );
      if (code !== 0) throw new Error(`${test} fails without any fault:\n${said}`);
      for (const name of readdirSync(directory))
        this.#add(root, test, JSON.parse(readFileSync(join(directory, name), 'utf8')));
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }

  #add(root: string, test: string, { result }: Coverage): void {
    const dist = join(root, 'dist/');
    for (const { url, functions } of result) {
      if (!url.startsWith('file:')) continue;
      const path = fileURLToPath(url);
      if (!path.startsWith(dist) || path.startsWith(join(dist, 'test/'))) continue;
      const file = path.slice(dist.length);
      const ofFile = this.#ranges.get(file) ?? new Map<string, readonly Range[]>();
      this.#ranges.set(file, ofFile);
      ofFile.set(test, [...(ofFile.get(test) ?? []), ...functions.flatMap(({ ranges }) => ranges)]);
    }
  }
}

/** By the smallest range around the place; of several processes, any. */
function isRun(ranges: readonly Range[], offset: number): boolean {
  const around = ranges.filter(({ startOffset, endOffset }) => startOffset <= offset && offset < endOffset);
  const smallest = Math.min(...around.map(({ startOffset, endOffset }) => endOffset - startOffset));
  return around.some((range) => range.endOffset - range.startOffset === smallest && range.count > 0);
}
