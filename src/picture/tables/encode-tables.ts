import { ByteWriter } from '../container/byte-writer.ts';
import { EntryColumns } from './entry-runs.ts';

const ENTRIES = 512;
/** Kinds of runs, in the lowest bits of a run's first number. @internal */
export const RUN = { empty: 0, same: 1, nextPage: 2, stride: 3 } as const;
/** How A and D of a table's entries are told. @internal */
export const USE = { none: 0, accessed: 1, both: 2, each: 3 } as const;

/**
 * Pages of tables in few bytes: entries are runs whose page numbers go up evenly, and A and D stand apart. What maps memory in
 * pieces takes a byte or two for each piece; what maps it at random takes five bytes a page, and ends at `maxBytes`.
 *
 * ```
 * table:  page number since the last one, bytes of the rest, runs of 512 entries in all, use
 * run:    4 * (entries - 1) + kind; unless empty the page number less the one that the last run led to, flags xor the last
 *         run's; for `stride` the step
 * use:    a kind; for `each` two bits for each entry that is not empty
 * ```
 *
 * @param pages - in ascending order
 * @returns null where there are more than `maxBytes`
 * @internal
 */
export function encodeTables(
  pages: Iterable<readonly [page: number, words: Int32Array]>,
  maxBytes = Number.POSITIVE_INFINITY,
): Uint8Array | null {
  const writer = new ByteWriter(65_536);
  const table = new ByteWriter();
  const columns = new EntryColumns();
  let next = 0;
  for (const [page, words] of pages) {
    columns.read(words);
    table.clear();
    writeRuns(columns, table);
    writeUse(columns, table);
    writer.number(page - next);
    writer.number(table.lengthBytes);
    writer.bytes(table.written());
    if (writer.lengthBytes > maxBytes) return null;
    next = page + 1;
  }
  return writer.written();
}

function writeRuns(columns: EntryColumns, writer: ByteWriter): void {
  let expected = 0;
  let lastFlags = 0;
  for (let at = 0; at < ENTRIES; ) {
    const isEmpty = columns.isEmpty(at);
    const step = isEmpty ? 0 : stepAt(columns, at);
    const count = isEmpty ? emptyFrom(columns, at) : countOf(columns, at, step);
    const kind = isEmpty ? RUN.empty : count === 1 || step === 0 ? RUN.same : step === 1 ? RUN.nextPage : RUN.stride;
    writer.number(4 * (count - 1) + kind);
    if (kind !== RUN.empty) {
      const frame = columns.frames[at] as number;
      const flags = columns.flags[at] as number;
      writer.signed(frame - expected);
      writer.number((flags ^ lastFlags) >>> 0);
      if (kind === RUN.stride) writer.signed(step);
      expected = frame + (kind === RUN.same ? count : count * step);
      lastFlags = flags;
    }
    at += count;
  }
}

function emptyFrom(columns: EntryColumns, from: number): number {
  let at = from + 1;
  while (at < ENTRIES && columns.isEmpty(at)) at += 1;
  return at - from;
}

function stepAt({ frames }: EntryColumns, at: number): number {
  return at + 1 < ENTRIES ? (frames[at + 1] as number) - (frames[at] as number) : 0;
}

/** How many entries from one on have its flags, and page numbers that go up by the step. */
function countOf(columns: EntryColumns, from: number, step: number): number {
  const { frames, flags } = columns;
  let at = from + 1;
  while (
    at < ENTRIES &&
    flags[at] === flags[from] &&
    (frames[at] as number) - (frames[at - 1] as number) === step &&
    !columns.isEmpty(at)
  ) {
    at += 1;
  }
  return at - from;
}

function writeUse(columns: EntryColumns, writer: ByteWriter): void {
  const uses: number[] = [];
  for (let at = 0; at < ENTRIES; at += 1) if (!columns.isEmpty(at)) uses.push(columns.use[at] as number);
  const [first = 0] = uses;
  const isUniform = uses.every((use) => use === first);
  const kind = !isUniform || first === 2 ? USE.each : first === 0 ? USE.none : first === 1 ? USE.accessed : USE.both;
  writer.byte(kind);
  if (kind !== USE.each) return;
  for (let at = 0; at < uses.length; at += 4) {
    const [one = 0, two = 0, three = 0, four = 0] = uses.slice(at, at + 4);
    writer.byte(one | (two << 2) | (three << 4) | (four << 6));
  }
}
