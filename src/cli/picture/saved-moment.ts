import { deflateSync } from 'node:zlib';
import {
  attributesOf,
  encodeMoment,
  LAYOUT,
  type MomentHeading,
  PICTURE_FORMAT,
  RangeEncoder,
} from '../../picture/internal.ts';
import type { MapSegment } from '../../report/index.ts';
import { InputFileError } from '../errors.ts';
import { SavedMap } from '../io/saved-map.ts';
import type { CliContext } from '../options/command.ts';
import { packageVersion } from '../version.ts';

/** What is held of a file: a million ranges or pages. */
const MOST_SEGMENTS = 1_000_000;
const NO_WALKS =
  'A saved map has neither registers nor tables: walks cannot be made of it. pagewalk map --html keeps them.';

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
  const { mode } = map.heading;
  const linearBits = mode === '5-level' ? 57 : mode === '4-level' ? 48 : 32;
  for await (const segment of map.segments()) {
    context.signal.throwIfAborted();
    if (encoder.length === MOST_SEGMENTS) {
      throw new InputFileError(map.name, undefined, `has more than ${MOST_SEGMENTS} lines; save a part with --range`);
    }
    encoder.add(pieceOf(segment, linearBits));
  }
  const { first, last, assumed, filter } = map.heading;
  const heading: MomentHeading = {
    format: PICTURE_FORMAT,
    version: packageVersion(),
    from: map.name,
    takenAtMs: Date.now(),
    pausedMs: null,
    cpu: 0,
    mode,
    linearBits,
    isUnsigned: linearBits === 32,
    space: { cr3: 0n, given: false },
    first,
    last,
    state: null,
    regions: [],
    names: [],
    assumed,
    notes: filter === null ? [] : [`The map was saved with --filter ${filter}.`],
    whyNoWalks: NO_WALKS,
    classNames: [],
  };
  const ranges = encoder.encode(map.isComplete === true);
  const bytes = deflateSync(encodeMoment({ heading, tables: new Uint8Array(0), ranges }));
  return { bytes, name: map.name, heading: map.heading, isComplete: map.isComplete };
}

function pieceOf(segment: MapSegment, linearBits: number) {
  const { first, last, physicalFirst, pageSizeBytes, accessed, dirty } = segment;
  const pages = Number((last - first + 1n) >> 12n);
  const shift = pageSizeBytes === null ? 0 : Math.log2(pageSizeBytes);
  return {
    first: Number(BigInt.asUintN(linearBits, first) >> 12n),
    pages,
    physical: physicalFirst === null ? 0 : Number(physicalFirst >> 12n),
    layout: physicalFirst === null ? LAYOUT.scattered : LAYOUT.inOnePiece,
    attributes: attributesOf(segment),
    shift,
    leaves: shift === 0 ? pages : pages / 2 ** (shift - 12),
    accessed,
    dirty,
    classes: 0,
  };
}
