import { deflateSync } from 'node:zlib';
import { linearBitsOf, linearPageOf } from '../../paging/internal.ts';
import {
  attributesOf,
  encodeMoment,
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

/** What is held of a file: a million ranges or pages. */
const MOST_SEGMENTS = 1_000_000;
/** As many as bits of a number say; the last one is shared by the rest. */
const MOST_CLASSES = 30;
const NO_WALKS =
  'A saved map has neither registers nor tables: walks cannot be made of it. pagewalk map --html keeps them.';

const NESTED = 'The vCPU ran a nested guest (L2): physical addresses are L1 physical.';

/** A saved map, read to its end. @internal */
export interface SavedMoment extends Pick<SavedMap, 'name' | 'heading' | 'isComplete'> {
  /** As a picture has it, compressed. */
  readonly bytes: Uint8Array;
}

/**
 * Reads a map that `pagewalk map --json` has saved, for a picture.
 *
 * @throws {@link InputFileError} `ERR_CLI_INPUT_FILE` for a file that holds no map, or not all of one.
 * @internal
 */
export async function momentOfFile(file: string, context: CliContext, command: string): Promise<SavedMoment> {
  await using map = await SavedMap.open(file, context, command);
  const encoder = new RangeEncoder();
  const { mode, cpu, cr3, changes, nested } = map.heading;
  const linearBits = linearBitsOf(mode);
  const classes = new RegionClasses();
  for await (const segment of map.segments()) {
    context.signal.throwIfAborted();
    if (encoder.length === MOST_SEGMENTS) {
      throw new InputFileError(map.name, undefined, `has more than ${MOST_SEGMENTS} lines; save a part with --range`);
    }
    encoder.add(pieceOf(segment, linearBits, classes.of(segment.regions)));
  }
  const { first, last, assumed, filter } = map.heading;
  const heading: MomentHeading = {
    format: PICTURE_FORMAT,
    version: packageVersion(),
    from: map.name,
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
    classNames: classes.names,
  };
  const ranges = encoder.encode(map.isComplete === true);
  const bytes = deflateSync(encodeMoment({ heading, tables: new Uint8Array(0), ranges }));
  return { bytes, name: map.name, heading: map.heading, isComplete: map.isComplete };
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
