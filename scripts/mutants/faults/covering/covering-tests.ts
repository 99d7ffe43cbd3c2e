import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ImportGraph } from './import-graph.ts';
import { hasRun, isOutside, type Range, type RunOfTest } from './run-of-test.ts';

/** What each process has run of a file. */
type Processes = (readonly Range[])[];

/** Which test files run which places of which files. Files are named from dist, tests from the root. */
export class CoveringTests {
  /** By file, by test. */
  readonly #ranges = new Map<string, Map<string, Processes>>();
  /** What runs when a file is loaded, tables mostly, or when a test is described. */
  readonly #loaded = new Map<string, Processes>();
  readonly #ms = new Map<string, number>();
  readonly #imports: ImportGraph;
  /** Tests that fail without any fault. */
  readonly leftOut = new Set<string>();

  /** @param root - of the copy of the project in which they ran */
  constructor(root: string, runs: readonly RunOfTest[], imports: ImportGraph) {
    this.#imports = imports;
    for (const { test, ms, failed, files } of runs) {
      if (failed && test !== null) this.leftOut.add(relative(root, test));
      if (failed) continue;
      const name = test === null ? null : relative(root, test);
      if (name !== null) this.#ms.set(name, Math.max(ms, this.#ms.get(name) ?? 0));
      for (const { url, ranges } of files) {
        if (!ranges.some(({ count }) => count > 0)) continue;
        const processes = this.#processesOf(relative(join(root, 'dist'), fileURLToPath(url)), name);
        processes.push(ranges);
      }
    }
  }

  /** The test files that come by a place, the quickest first. */
  of(file: string, offset: number): string[] {
    const comesBy = (processes: Processes): boolean => processes.some((ranges) => hasRun(ranges, offset));
    const tests = [...(this.#ranges.get(file) ?? [])].flatMap(([test, processes]) => (comesBy(processes) ? test : []));
    const loaded = [...(this.#loaded.get(file) ?? []), ...[...(this.#ranges.get(file)?.values() ?? [])].flat()];
    // What ran only while test files were loaded (a table of what is to be looked at) is judged by one of those that use it.
    const isOfAll = tests.length === 0 || loaded.some((ranges) => isOutside(ranges, offset));
    if (comesBy(loaded) && isOfAll) tests.push(...this.#usersOf(file));
    return [...new Set(tests)].sort((one, other) => this.msOf(one) - this.msOf(other));
  }

  /** How long a test file takes while what it runs is counted. */
  msOf(test: string): number {
    return this.#ms.get(test) ?? 0;
  }

  /** Who looks at a table imports it, or runs functions beside it or of a file that imports it. */
  #usersOf(file: string): string[] {
    const importers = [...this.#imports.importersOf(file)];
    const users = [file, ...importers].map((user) => this.#ranges.get(user)?.keys() ?? []);
    const tests = importers.map((importer) => join('dist', importer)).filter((importer) => this.#ms.has(importer));
    return [...new Set([...tests, ...users.flatMap((each) => [...each])])];
  }

  #processesOf(file: string, test: string | null): Processes {
    if (test === null) return ofKey(this.#loaded, file, () => []);
    return ofKey(
      ofKey(this.#ranges, file, () => new Map<string, Processes>()),
      test,
      () => [],
    );
  }
}

function ofKey<V>(map: Map<string, V>, key: string, make: () => V): V {
  const value = map.get(key) ?? make();
  map.set(key, value);
  return value;
}
