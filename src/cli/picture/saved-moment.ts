import { deflateSync } from 'node:zlib';
import { linearBitsOf, linearPageOf } from '../../paging/internal.ts';
import {
  attributesOf,
  decodeRanges,
  encodeMoment,
  firstRanges,
  joinRanges,
  LAYOUT,
  type MomentHeading,
  nameOfRegion,
  PICTURE_FORMAT,
  type Piece,
  RangeEncoder,
} from '../../picture/internal.ts';
import { InputFileError } from '../errors.ts';
import { SavedMap, type SavedSegment } from '../io/saved-map.ts';
import type { CliContext } from '../options/command.ts';
import { packageVersion } from '../version.ts';
import type { MomentLimits } from './moment-bytes.ts';

/** What is held of a file: a million ranges or pages. */
const MOST_SEGMENTS = 1_000_000;
/** As many as bits of a number say; the last one is shared by the rest. */
const MOST_CLASSES = 30;
/** What is left out of what would just fit: compressed sizes do not grow evenly. */
const MARGIN = 0.97;
const NO_WALKS =
  'A saved map has neither registers nor tables: walks cannot be made of it. pagewalk map --html keeps them.';

const ADVICE = 'pagewalk explore shows all of it.';

const NESTED = 'The vCPU ran a nested guest (L2): physical addresses are L1 physical.';

/** A saved map, read to its end. @internal */
export interface SavedMoment extends Pick<SavedMap, 'name' | 'heading' | 'isComplete'> {
  /** As a picture has it, compressed. */
  readonly bytes: Uint8Array;
}

/** Makes a moment of a saved map while its reader goes through it. @internal */
export class SavedMomentMaker {
  readonly #map: SavedMap;
  readonly #limits: MomentLimits;
  readonly #signal: AbortSignal;
  readonly #encoder = new RangeEncoder();
  readonly #classes = new RegionClasses();

  constructor(map: SavedMap, limits: MomentLimits, { signal }: Pick<CliContext, 'signal'>) {
    this.#map = map;
    this.#limits = limits;
    this.#signal = signal;
  }

  /**
   * The map, which is kept as it goes by.
   *
   * @throws {@link InputFileError} `ERR_CLI_INPUT_FILE` for a file that holds no map, or not all of one, or too much.
   */
  async *segments(): AsyncGenerator<SavedSegment> {
    const { name, heading } = this.#map;
    const linearBits = linearBitsOf(heading.mode);
    for await (const segment of this.#map.segments()) {
      this.#signal.throwIfAborted();
      if (this.#encoder.length === MOST_SEGMENTS) {
        throw new InputFileError(name, undefined, `has more than ${MOST_SEGMENTS} lines; save a part with --range`);
      }
      this.#encoder.add(pieceOf(segment, linearBits, this.#classes.of(segment.regions)));
      yield segment;
    }
  }

  /** When all of the map has gone by. */
  moment(): SavedMoment {
    const { name, heading, isComplete } = this.#map;
    const ranges = this.#encoder.encode(isComplete === true);
    return {
      bytes: fitted(headingOf(this.#map, this.#classes.names), ranges, this.#limits),
      name,
      heading,
      isComplete,
    };
  }
}

/**
 * Reads a map that `pagewalk map --json` has saved, for a picture.
 *
 * @throws {@link InputFileError} `ERR_CLI_INPUT_FILE` for a file that holds no map, or not all of one.
 * @internal
 */
export async function momentOfFile(
  file: string,
  limits: MomentLimits,
  context: CliContext,
  command: string,
): Promise<SavedMoment> {
  await using map = await SavedMap.open(file, context, command);
  const maker = new SavedMomentMaker(map, limits, context);
  const segments = maker.segments();
  while (!(await segments.next()).done);
  return maker.moment();
}

function headingOf({ name, heading }: SavedMap, classNames: readonly string[]): MomentHeading {
  const { mode, cpu, cr3, changes, nested, first, last, assumed, filter } = heading;
  const linearBits = linearBitsOf(mode);
  return {
    format: PICTURE_FORMAT,
    version: packageVersion(),
    from: name,
    takenAtMs: null,
    pause: null,
    cpu: cpu ?? null,
    mode,
    linearBits,
    isUnsigned: linearBits === 32,
    space: cr3 === undefined ? null : { cr3, given: false, changes: changes ?? [] },
    first,
    last,
    state: null,
    regions: [],
    names: [],
    assumed,
    notes: [
      ...(filter === null ? [] : [`The map was saved with --filter ${filter}.`]),
      ...(nested === undefined ? [] : [NESTED]),
    ],
    whyNoWalks: NO_WALKS,
    classNames,
  };
}

/** As much of a map as may be kept: with each page, else as ranges with the same rights, else the first of these. */
function fitted(heading: MomentHeading, ranges: Uint8Array, { compressedBytes }: MomentLimits): Uint8Array {
  const compress = (kept: Uint8Array, notes: readonly string[]): Uint8Array =>
    deflateSync(
      encodeMoment({
        heading: { ...heading, notes: [...heading.notes, ...notes] },
        tables: new Uint8Array(0),
        ranges: kept,
      }),
    );
  const whole = compress(ranges, []);
  if (whole.length <= compressedBytes) return whole;
  const joined = joinRanges(ranges);
  const joinedNote = `The map takes too much room: neighbours with the same rights are shown as one. ${ADVICE}`;
  let bytes = compress(joined, [joinedNote]);
  let { length } = decodeRanges(joined);
  while (bytes.length > compressedBytes && length > 0) {
    length = Math.floor((length * compressedBytes * MARGIN) / bytes.length);
    const note = `The map takes too much room: the first ${length} of its ranges are here, and no more. ${ADVICE}`;
    bytes = compress(firstRanges(joined, length), [note]);
  }
  return bytes;
}

/** Which regions ranges lead to, as bits. */
class RegionClasses {
  readonly #names: string[] = [];

  get names(): readonly string[] {
    return this.#names;
  }

  of(regions: SavedSegment['regions'] = []): number {
    let bits = 0;
    for (const region of regions) {
      const name = nameOfRegion(region);
      let at = this.#names.indexOf(name);
      if (at < 0) at = Math.min(this.#names.length, MOST_CLASSES - 1);
      if (at === this.#names.length) this.#names.push(at === MOST_CLASSES - 1 ? 'others' : name);
      bits |= 1 << at;
    }
    return bits;
  }
}

function pieceOf(segment: SavedSegment, linearBits: 32 | 48 | 57, classes: number): Piece {
  const { first, last, physicalFirst, onlySizeBytes, leafCount, accessed, dirty } = segment;
  const page = (address: bigint): number => linearPageOf({ linearBits }, address);
  return {
    first: page(first),
    pages: page(last) - page(first) + 1,
    physical: physicalFirst === null ? 0 : Number(physicalFirst >> 12n),
    layout: physicalFirst === null ? LAYOUT.scattered : LAYOUT.inOnePiece,
    attributes: attributesOf(segment),
    shift: onlySizeBytes === null ? 0 : Math.log2(onlySizeBytes),
    leaves: leafCount,
    accessed,
    dirty,
    classes,
  };
}
