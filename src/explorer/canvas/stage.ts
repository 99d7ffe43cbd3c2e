import {
  Axis,
  alarmingPieces,
  type Changes,
  type Coloured,
  type Pieces,
  type Span,
  spansOf,
} from '../../picture/internal.ts';
import type { NamedPages } from '../moment/named-pages.ts';
import type { Theme } from './theme.ts';

/** One way of looking at pieces: a strip of the picture. @internal */
export interface Lane extends Coloured {
  readonly id: string;
  readonly label: string;
  /** The class of each piece that is wanted, whether it is faded or not. */
  readonly all: Uint8Array;
  /** Pieces that must be seen, in ascending order. */
  readonly alarming: Int32Array;
}

/** Everything that a picture is drawn from. @internal */
export interface Stage {
  readonly pieces: Pieces;
  readonly axis: Axis;
  /** The one that was chosen comes first, and is the largest. */
  readonly lanes: readonly Lane[];
  readonly changes: Changes | null;
  /** A page number as people read it. */
  readonly addressOf: (page: number) => bigint;
  /** An address of this order in writing: all are equally long. */
  readonly nameOf: (address: bigint) => string;
  /** Names of parts, in ascending order. */
  readonly names: readonly NamedPages[];
  /** The same, page by page, for a part of the pages; null where the pieces at hand are all there is. */
  readonly closer: ((firstPage: number, lastPage: number) => { pieces: Pieces; lanes: readonly Lane[] } | null) | null;
}

/** Not wanted: it has a class of its own. @internal */
export const FAINT = 254;
/** Wanted, where the colours are those of changes: likewise. */
const UNCHANGED = 253;

/** The colour of what is in none of the classes of a lane. @internal */
export function colourBesideClasses(shown: number, { unchanged, unwanted }: Theme): string {
  return shown === UNCHANGED ? unchanged : unwanted;
}

/** A lane behind changes: it looks alike everywhere, and each piece is still what it is. @internal */
export function withoutColours(lane: Lane): Lane {
  const of = lane.all.map((each) => (each === FAINT ? FAINT : UNCHANGED));
  return { ...lane, of, alarming: new Int32Array(0) };
}

/**
 * @param wanted - 0 for pieces that are not; null where all are
 * @param hidden - classes that are faint
 * @internal
 */
export function laneOf(
  id: string,
  label: string,
  { classes, of }: Coloured,
  wanted: Uint8Array | null,
  hidden: ReadonlySet<number> = new Set(),
): Lane {
  const all = wanted === null ? of : of.map((each, at) => (wanted[at] === 0 ? FAINT : each));
  const shown = hidden.size === 0 ? all : all.map((each) => (hidden.has(each) ? FAINT : each));
  return { id, label, classes, all, of: shown, alarming: alarmingPieces(shown, classes) };
}

/** @internal */
export function axisOf(
  scale: 'folded' | 'linear',
  pieces: Pieces,
  changes: Changes | null,
  whole: Span,
  mustSplitAt: number,
): Axis {
  if (scale === 'linear') return Axis.linear(whole);
  const spans = changes === null ? spansOf(pieces) : inOrder(spansOf(pieces), spansOf(changes.pieces));
  return Axis.folded(spans, whole, mustSplitAt);
}

/** Both, in ascending order, as each of them is. */
function* inOrder(left: Generator<Span>, right: Generator<Span>): Generator<Span> {
  let [one, other] = [left.next(), right.next()];
  while (!one.done || !other.done) {
    if (other.done || (!one.done && one.value.first <= other.value.first)) {
      if (!one.done) yield one.value;
      one = left.next();
    } else {
      yield other.value;
      other = right.next();
    }
  }
}
