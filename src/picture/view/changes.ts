import type { PageRange } from '../../paging/index.ts';
import { canonicalAddress, decodeAttributes, linearPageOf, type PagingContext } from '../../paging/internal.ts';
import { diffMaps, type MapChange, type MapDifference, type MapSegment } from '../../report/index.ts';
import { endOf, LAYOUT, type Pieces, physicalPageOf, pieceFrom } from '../pieces/pieces.ts';
import { PiecesBuilder } from '../pieces/pieces-builder.ts';
import type { ColourClass } from './colourings.ts';
import { COLOURS } from './colours.ts';

/** What happened between two moments, as pieces: `classes` are numbers of `CHANGE_CLASSES`. @internal */
export interface Changes {
  readonly pieces: Pieces;
  readonly of: Uint8Array;
  readonly all: readonly MapChange[];
  /** False where there are more than are shown. */
  readonly complete: boolean;
}

/** In the order in which one counts where several happened. */
const DIFFERENCES: readonly MapDifference[] = [
  'appeared',
  'vanished',
  'rights',
  'moved',
  'size',
  'key',
  'global',
  'dirty',
  'accessed',
];

/** What colours of changes mean. @internal */
export const CHANGE_CLASSES: readonly ColourClass[] = [
  { label: 'appeared', colour: COLOURS.green },
  { label: 'vanished', colour: COLOURS.vermilion },
  { label: 'other rights', colour: COLOURS.writeExecute, isAlarming: true },
  { label: 'leads elsewhere', colour: COLOURS.purple },
  { label: 'other page size', colour: COLOURS.userWrite },
  { label: 'other key', colour: COLOURS.userReadOnly },
  { label: 'global or not', colour: COLOURS.readOnly },
  { label: 'dirty changed', colour: COLOURS.write },
  { label: 'accessed changed', colour: COLOURS.userExecute },
];

const MOST_CHANGES = 200_000;
/** Of pieces that repeat one page: each of these is compared for itself. */
const MOST_REPEATED = 1_000_000;

/** The parts of two maps to compare: everything, or where tables differ. @internal */
export interface ChangeQuestion {
  readonly before: Pieces;
  readonly after: Pieces;
  readonly context: Pick<PagingContext, 'linearBits' | 'linearAddress' | 'policy'>;
  /** Null to compare everything. */
  readonly where: readonly PageRange[] | null;
  /** Is waited for from time to time, so that others get their turn. */
  readonly breathe?: () => Promise<void>;
}

const BREATH = 1024;

/** By the rules of `pagewalk diff`. @internal */
export async function findChanges({ before, after, context, where, breathe }: ChangeQuestion): Promise<Changes> {
  const builder = new PiecesBuilder();
  const all: MapChange[] = [];
  const of: number[] = [];
  const whole = context as PagingContext;
  const reading: Reading = {
    context: whole,
    // Page sizes and bits are compared page by page only where both sides have them so.
    isPaged: before.detail === 'pages' && after.detail === 'pages',
    repeatedLeft: MOST_REPEATED,
    steps: 0,
  };
  const known = Math.min(knownEnd(before), knownEnd(after));
  for (const { firstPage, lastPage } of where ?? [{ firstPage: 0, lastPage: Number.MAX_SAFE_INTEGER }]) {
    const endPage = Math.min(lastPage + 1, known);
    const segments = (pieces: Pieces): Generator<MapSegment> => segmentsOf(pieces, reading, firstPage, endPage);
    for await (const change of diffMaps(breathing(segments(before), reading, breathe), segments(after))) {
      if (all.length >= MOST_CHANGES) break;
      all.push(change);
      const first = linearPageOf(whole, change.first);
      const pages = Number((change.last - change.first + 1n) >> 12n);
      const number = DIFFERENCES.findIndex((each) => change.differences.includes(each));
      of.push(number);
      builder.add({
        first,
        pages,
        physical: 0,
        layout: LAYOUT.scattered,
        attributes: 0,
        shift: 0,
        leaves: change.pieces,
        accessed: 0,
        dirty: 0,
        classes: number,
      });
    }
  }
  const complete = all.length < MOST_CHANGES && reading.repeatedLeft >= 0 && before.complete && after.complete;
  return { pieces: builder.build('pages', complete), of: Uint8Array.from(of), all, complete };
}

/** Where what is known of a map ends: behind what was left out everything would have vanished. */
function knownEnd(pieces: Pieces): number {
  const { complete, length } = pieces;
  return complete || length === 0 ? Number.POSITIVE_INFINITY : endOf(pieces, length - 1);
}

/** How pieces are read, and how much may still be read of them. */
interface Reading {
  readonly context: PagingContext;
  readonly isPaged: boolean;
  /** Below 0 once it was not enough. */
  repeatedLeft: number;
  steps: number;
}

/** The same, with a pause from time to time. */
function breathing(
  segments: Iterable<MapSegment>,
  reading: Reading,
  breathe: ChangeQuestion['breathe'],
): AsyncIterable<MapSegment> | Iterable<MapSegment> {
  return breathe === undefined ? segments : withBreaths(segments, reading, breathe);
}

async function* withBreaths(
  segments: Iterable<MapSegment>,
  reading: Reading,
  breathe: () => Promise<void>,
): AsyncGenerator<MapSegment> {
  for (const segment of segments) {
    reading.steps += 1;
    if (reading.steps % BREATH === 0) await breathe();
    yield segment;
  }
}

/** Pieces within pages, cut off at both ends, as `diffMaps` takes them. */
function* segmentsOf(pieces: Pieces, reading: Reading, firstPage: number, endPage: number): Generator<MapSegment> {
  const { context, isPaged } = reading;
  for (let at = pieceFrom(pieces, firstPage); at < pieces.length; at += 1) {
    const start = pieces.first[at] as number;
    if (start >= endPage) return;
    const first = Math.max(start, firstPage);
    const end = Math.min(endOf(pieces, at), endPage);
    const layout = pieces.layout[at] as number;
    const used = (count: number): number => (isPaged ? Math.sign(count) : count);
    const segment = (from: number, to: number, physical: number): MapSegment => ({
      first: canonicalAddress(context, from),
      last: canonicalAddress(context, to - 1, 4095),
      ...decodeAttributes(context, pieces.attributes[at] as number),
      pageSizeBytes: isPaged ? 2 ** (pieces.shift[at] as number) : null,
      physicalFirst: physical < 0 ? null : BigInt(physical) << 12n,
      accessed: used(pieces.accessed[at] as number),
      dirty: used(pieces.dirty[at] as number),
    });
    if (layout !== LAYOUT.repeated) {
      // It is not recorded where a part of a scattered piece leads.
      yield segment(first, end, layout === LAYOUT.inOnePiece ? physicalPageOf(pieces, at, first) : -1);
      continue;
    }
    const leafPages = 2 ** ((pieces.shift[at] as number) - 12);
    for (let from = first; from < end; ) {
      const to = Math.min(end, from + leafPages - ((from - start) % leafPages));
      reading.repeatedLeft -= 1;
      if (reading.repeatedLeft < 0) {
        yield segment(from, end, -1);
        break;
      }
      yield segment(from, to, physicalPageOf(pieces, at, from));
      from = to;
    }
  }
}
