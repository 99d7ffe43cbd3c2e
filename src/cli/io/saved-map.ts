import * as z from 'zod/mini';
import en from 'zod/v4/locales/en.js';
import type { NamedRegion } from '../../guest/index.ts';
import { linearBitsOf } from '../../paging/internal.ts';
import type { MapSegment, ReportedAssumption } from '../../report/index.ts';
import { InputFileError } from '../errors.ts';
import type { CliContext } from '../options/command.ts';
import { openLineSource, readLines, type TextLine } from './read-lines.ts';

/** The small form of zod says nothing by itself. */
const ENGLISH = { error: en().localeError };
/** A range has a name for each region; nothing that `map --json` writes is longer. */
const MAX_CHARS = 65_536;

const address = z.pipe(
  z.string().check(z.regex(/^0x[0-9a-f]{1,16}$/)),
  z.transform((text) => BigInt(text)),
);
const count = z.int().check(z.minimum(0));
/** The sizes that pages can have, in bytes. */
const PAGE_SIZES = [4096, 1 << 21, 1 << 22, 1 << 30] as const;
const region = z.object({ kind: z.enum(['ram', 'rom', 'device', 'none']), name: z.string() });
const attributes = {
  rights: z.object({
    read: z.exactOptional(z.literal(false)),
    write: z.boolean(),
    user: z.boolean(),
    exec: z.boolean(),
  }),
  protectionKey: z.nullable(z.int().check(z.minimum(0), z.maximum(15))),
  global: z.boolean(),
};
const headingSchema = z.object({
  kind: z.literal('map'),
  of: z.enum(['ranges', 'pages']),
  mode: z.enum(['off', '32-bit', 'pae', '4-level', '5-level']),
  cpu: z.exactOptional(count),
  cr3: z.exactOptional(address),
  changes: z.exactOptional(z.array(z.string())),
  /** There where the map is one of a nested guest (L2). */
  nested: z.exactOptional(z.unknown()),
  first: address,
  last: address,
  filter: z.nullable(z.string()),
  /** What the map rests on that was unavailable when it was made. */
  assumed: z.array(
    z.pipe(
      z.object({
        name: z.string(),
        value: z.union([z.string(), z.number(), z.boolean(), z.null()]),
        why: z.string(),
        decides: z.boolean(),
      }),
      z.transform(({ why, ...rest }): ReportedAssumption => ({ ...rest, cause: { code: 'as-saved', text: why } })),
    ),
  ),
});
const lineSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('range'),
    first: address,
    last: address,
    ...attributes,
    /** Pages by their size in bytes. */
    leaves: z.partialRecord(z.enum(PAGE_SIZES.map(String)), count),
    accessed: count,
    dirty: count,
    physicalFirst: address,
    physicalPieces: z.int().check(z.minimum(1)),
    regions: z.exactOptional(z.array(region)),
  }),
  z.object({
    kind: z.literal('page'),
    address,
    size: z.literal(PAGE_SIZES),
    ...attributes,
    accessed: z.boolean(),
    dirty: z.boolean(),
    physicalAddress: address,
    region: z.exactOptional(region),
  }),
  z.object({ kind: z.literal('end'), complete: z.boolean() }),
]);

/** Which map a file holds. @internal */
export type SavedMapHeading = z.output<typeof headingSchema>;

/** Pages of a saved map that are alike. @internal */
export interface SavedSegment extends MapSegment {
  /** The size of its pages; null where there are several, or none, as paging is off. */
  readonly onlySizeBytes: number | null;
  readonly leafCount: number;
  /** What lies where its pages lead; undefined where the file does not say so. */
  readonly regions: readonly NamedRegion[] | undefined;
}

/** A map that was saved by `pagewalk map --json`. @internal */
export class SavedMap implements AsyncDisposable {
  readonly name: string;
  readonly heading: SavedMapHeading;
  readonly #lines: AsyncGenerator<TextLine>;
  #isComplete: boolean | undefined;

  private constructor(name: string, heading: SavedMapHeading, lines: AsyncGenerator<TextLine>) {
    this.name = name;
    this.heading = heading;
    this.#lines = lines;
  }

  /**
   * Reads which map a file holds.
   *
   * @throws {@link InputFileError} `ERR_CLI_INPUT_FILE` when it holds none.
   */
  static async open(file: string, context: CliContext, command: string): Promise<SavedMap> {
    const source = await openLineSource(file, context, command);
    const lines = eachLine(readLines(source, MAX_CHARS));
    try {
      const { value, done } = await lines.next();
      if (done) throw new InputFileError(source.name, undefined, 'is empty; a map is saved by pagewalk map --json');
      return new SavedMap(source.name, parse(source.name, value, headingSchema), lines);
    } catch (error) {
      await lines.return(undefined);
      throw error;
    }
  }

  /** Closes the file, of which not all may have been read. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lines.return(undefined);
  }

  /** False when the map is incomplete; undefined before all of it was read. */
  get isComplete(): boolean | undefined {
    return this.#isComplete;
  }

  /** @throws {@link InputFileError} `ERR_CLI_INPUT_FILE` when a line is none of a map, or the last line is missing. */
  async *segments(): AsyncGenerator<SavedSegment> {
    let next = 0n;
    for await (const line of this.#lines) {
      if (this.#isComplete !== undefined) this.#refuse(line, 'comes after the end of the map');
      const parsed = parse(this.name, line, lineSchema);
      if (parsed.kind === 'end') {
        this.#isComplete = parsed.complete;
        continue;
      }
      if ((parsed.kind === 'page') !== (this.heading.of === 'pages'))
        this.#refuse(line, `is no part of a map of ${this.heading.of}`);
      const segment = toSegment(parsed);
      const problem = this.#problemOf(segment);
      if (problem !== undefined) this.#refuse(line, problem);
      if (segment.first < next || segment.last < segment.first) this.#refuse(line, 'is not in ascending order');
      next = segment.last + 1n;
      yield segment;
    }
    if (this.#isComplete === undefined) {
      throw new InputFileError(this.name, undefined, 'has no last line {"kind":"end",…}: it was cut off');
    }
  }

  /** What no map of this paging mode has, in words. */
  #problemOf({ first, last, pageSizeBytes, leafCount, accessed, dirty }: SavedSegment): string | undefined {
    const { mode } = this.heading;
    if (![first, last].every((address) => isLinear(mode, address)))
      return `has an address that there is not in ${mode}`;
    const alignment = BigInt(pageSizeBytes ?? 4096);
    // With paging off ranges are what regions are, which may be smaller than a page.
    const isWhole = first % alignment === 0n && (last + 1n) % alignment === 0n;
    if (mode !== 'off' && !isWhole) return 'does not begin and end where a page does';
    if (accessed > leafCount || dirty > leafCount) return 'has more pages with A or D than pages';
    return undefined;
  }

  #refuse({ number }: TextLine, problem: string): never {
    throw new InputFileError(this.name, number, problem);
  }
}

async function* eachLine(batches: AsyncIterable<readonly TextLine[]>): AsyncGenerator<TextLine> {
  for await (const lines of batches) yield* lines;
}

function parse<T>(file: string, { number, text, isCut }: TextLine, schema: z.core.$ZodType<T>): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const problem = isCut ? 'is too long' : 'is not JSON';
    throw new InputFileError(file, number, `${problem}; a map is saved by pagewalk map --json`, { cause: error });
  }
  const result = z.safeParse(schema, value, ENGLISH);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const where = issue === undefined || issue.path.length === 0 ? '' : ` (${issue.path.join('.')}: ${issue.message})`;
  throw new InputFileError(file, number, `is no line of a map${where}; a map is saved by pagewalk map --json`, {
    cause: result.error,
  });
}

/** Addresses have as many bits as the mode translates; beyond 32 the rest are copies of the highest one. */
function isLinear(mode: SavedMapHeading['mode'], address: bigint): boolean {
  const bits = linearBitsOf(mode);
  if (bits === 32) return address < 1n << 32n;
  return BigInt.asUintN(64, BigInt.asIntN(bits, address)) === address;
}

function toSegment(line: Exclude<z.output<typeof lineSchema>, { kind: 'end' }>): SavedSegment {
  const { rights, protectionKey, global } = line;
  if (line.kind === 'range') {
    const physicalFirst = line.physicalPieces === 1 ? line.physicalFirst : null;
    const { first, last, accessed, dirty, regions } = line;
    const sizes = Object.entries(line.leaves).filter(([, pages]) => pages !== undefined && pages > 0);
    const [only, another] = sizes;
    return {
      ...{ first, last, rights, protectionKey, global, pageSizeBytes: null, physicalFirst, accessed, dirty },
      onlySizeBytes: only === undefined || another !== undefined ? null : Number(only[0]),
      leafCount: sizes.reduce((sum, [, pages = 0]) => sum + pages, 0),
      regions,
    };
  }
  return {
    first: line.address,
    last: line.address + BigInt(line.size) - 1n,
    rights,
    protectionKey,
    global,
    pageSizeBytes: line.size,
    physicalFirst: line.physicalAddress,
    accessed: Number(line.accessed),
    dirty: Number(line.dirty),
    onlySizeBytes: line.size,
    leafCount: 1,
    regions: line.region && [line.region],
  };
}
