/** So often a part of a file has run. */
export interface Range {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

/** What one process has run of a file. */
export interface RunOfFile {
  readonly url: string;
  readonly ranges: readonly Range[];
}

/** What a test file has run in one process; without its name, what has run while test files were loaded. */
export interface RunOfTest {
  readonly test: string | null;
  readonly ms: number;
  /** It fails without any fault: it judges none. */
  readonly failed: boolean;
  readonly files: readonly RunOfFile[];
}

/** By the smallest range around the place. */
export function hasRun(ranges: readonly Range[], offset: number): boolean {
  return smallestAround(ranges, offset).some(({ count }) => count > 0);
}

/** Whether a place is in no function: it runs once, when the file is loaded, which is the doing of whatever test comes first. */
export function isOutside(ranges: readonly Range[], offset: number): boolean {
  return smallestAround(ranges, offset).some(({ startOffset }) => startOffset === 0);
}

function smallestAround(ranges: readonly Range[], offset: number): readonly Range[] {
  const around = ranges.filter(({ startOffset, endOffset }) => startOffset <= offset && offset < endOffset);
  const smallest = Math.min(...around.map(({ startOffset, endOffset }) => endOffset - startOffset));
  return around.filter(({ startOffset, endOffset }) => endOffset - startOffset === smallest);
}
