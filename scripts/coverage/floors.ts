/** Numbers of one kind, as istanbul's summaries have them. */
export interface Covered {
  readonly total: number;
  readonly covered: number;
}

/** What c8's `json-summary` says of one file. */
export interface FileCoverage {
  readonly lines: Covered;
  readonly branches: Covered;
}

/** What has to be covered of the files below a folder, in per cent. */
export interface Floor {
  readonly folder: string;
  readonly lines: number;
  readonly branches: number;
}

/**
 * The rules of paging and the structures of others are tested to the last line that can be reached: an answer that no test has
 * checked is worth nothing. What is left there are fallbacks (`?? 0`) that the compiler wants where an index cannot be wrong.
 * Elsewhere some branches are there for what no test can bring about, such as a QEMU that breaks its own protocol in the middle
 * of a reply.
 */
export const FLOORS: readonly Floor[] = [
  { folder: 'src/paging/', lines: 99.5, branches: 95 },
  { folder: 'src/linux/', lines: 90, branches: 80 },
  { folder: 'src/abi/', lines: 100, branches: 97 },
  { folder: 'src/report/', lines: 95, branches: 90 },
  { folder: 'src/picture/', lines: 90, branches: 85 },
  { folder: 'src/guest/', lines: 90, branches: 85 },
  { folder: 'src/dump/', lines: 90, branches: 80 },
  { folder: 'src/cli/', lines: 95, branches: 90 },
  { folder: 'src/testing/', lines: 95, branches: 90 },
  { folder: 'protocols/transport/', lines: 95, branches: 90 },
  { folder: 'protocols/gdb/', lines: 95, branches: 90 },
  { folder: 'protocols/qmp/', lines: 95, branches: 90 },
];

const KINDS = ['lines', 'branches'] as const;

/**
 * Compares a run with the floors.
 *
 * @param files - by path from the root of the repository
 * @returns a sentence for each floor that was missed; also for a folder that has nothing covered at all
 */
export function missedFloors(files: ReadonlyMap<string, FileCoverage>, floors: readonly Floor[]): string[] {
  return floors.flatMap((floor) => {
    const inside = [...files].filter(([path]) => path.startsWith(floor.folder)).map(([, file]) => file);
    if (inside.length === 0) return [`${floor.folder}: no file of it is in the coverage report`];
    return KINDS.flatMap((kind) => {
      const percent = percentOf(inside.map((file) => file[kind]));
      return percent >= floor[kind]
        ? []
        : [`${floor.folder}: ${percent.toFixed(2)} % of ${kind} are covered, ${floor[kind]} % must be`];
    });
  });
}

function percentOf(numbers: readonly Covered[]): number {
  const total = numbers.reduce((sum, each) => sum + each.total, 0);
  const covered = numbers.reduce((sum, each) => sum + each.covered, 0);
  return total === 0 ? 100 : (100 * covered) / total;
}
