import type { PagingContext } from '../../paging/index.ts';
import { decodeAttributes, formatHex } from '../../paging/internal.ts';
import {
  Axis,
  type Changes,
  COLOURINGS,
  type Coloured,
  type Colouring,
  type ColouringInput,
  inPhysicalOrder,
  PHYSICAL_COLOURINGS,
  type PhysicalOrder,
  type Pieces,
} from '../../picture/internal.ts';
import { readMapFilter } from '../../report/index.ts';
import { axisOf, type Lane, laneOf, type Stage, withoutColours } from '../canvas/stage.ts';
import type { LoadedMoment, Space } from '../moment/loaded-moment.ts';
import type { ViewState } from '../view/link.ts';

/** Pieces by one way to colour them. @internal */
export interface ColouredPieces extends Coloured {
  readonly colouring: Colouring;
}

/** What a stage is made of. @internal */
export interface StageParts {
  readonly moment: LoadedMoment;
  readonly space: Space;
  /** The pieces of the space; null in the order of physical memory, which has colours of its own. */
  readonly coloured: readonly ColouredPieces[] | null;
  readonly view: ViewState;
  readonly changes: Changes | null;
  /** Classes of the chosen colouring that are not wanted. */
  readonly hidden: ReadonlySet<number>;
  readonly physical: PhysicalOrder | null;
}

/** @internal */
export function inputOf(moment: LoadedMoment, space: Space, pieces: Pieces = space.pieces): ColouringInput {
  const { regions, classNames } = moment.heading;
  const { context } = space;
  return {
    pieces,
    context,
    mode: context?.mode ?? moment.heading.mode,
    isNested: space.nested !== null,
    regions,
    classNames,
  };
}

/** The order of physical memory takes a while, and is made when it is looked at. @internal */
export function physicalOf(space: Space): PhysicalOrder {
  return inPhysicalOrder(space.pieces);
}

/** What is wrong with a filter, as a sentence; null where nothing is. @internal */
export function filterProblem(text: string): string | null {
  if (text.trim() === '') return null;
  const filter = readMapFilter(text.trim());
  return typeof filter === 'function' ? null : `unknown right "${filter.term}"; use ${filter.known.join(', ')}, key=N`;
}

function wantedBy(filterText: string, pieces: Pieces, moment: LoadedMoment): Uint8Array | null {
  if (filterText.trim() === '') return null;
  const filter = readMapFilter(filterText.trim());
  if (typeof filter !== 'function') return null;
  const known = new Map<number, number>();
  return Uint8Array.from(pieces.attributes, (attributes) => {
    const found = known.get(attributes) ?? Number(filter(decodeAttributes(moment.form as PagingContext, attributes)));
    known.set(attributes, found);
    return found;
  });
}

/** By each colouring that can be used: there can be many pieces, and a stage is built again for less. @internal */
export function colourPieces(input: ColouringInput): readonly ColouredPieces[] {
  const usable = COLOURINGS.filter((each) => each.whyNot(input) === null);
  return usable.map((colouring) => ({ colouring, ...colouring.colour(input) }));
}

function lanesOf(
  { moment, view, changes, hidden }: StageParts,
  pieces: Pieces,
  coloured: readonly ColouredPieces[],
): readonly Lane[] {
  const wanted = wantedBy(view.filter, pieces, moment);
  const laneBy = (each: ColouredPieces, faint?: ReadonlySet<number>): Lane =>
    laneOf(each.colouring.id, each.colouring.label, each, wanted, faint);
  const chosen = coloured.find(({ colouring }) => colouring.id === view.colouring) ?? coloured[0];
  const others = coloured.filter((each) => each !== chosen).map((each) => laneBy(each));
  if (chosen === undefined) return others;
  return [changes === null ? laneBy(chosen, hidden) : withoutColours(laneBy(chosen)), ...others];
}

/** @internal */
export function buildStage(parts: StageParts): Stage {
  return parts.view.order === 'physical' && parts.physical !== null
    ? physicalStage(parts, parts.physical)
    : linearStage(parts);
}

function linearStage(parts: StageParts): Stage {
  const { moment, space, view, changes, coloured } = parts;
  const { isUnsigned, linearBits } = moment.heading;
  const { pieces } = space;
  const { whole } = moment;
  const upperHalf = isUnsigned ? -1 : 2 ** (linearBits - 13);
  return {
    pieces,
    axis: axisOf(view.scale, pieces, changes, whole, upperHalf),
    lanes: lanesOf(parts, pieces, coloured ?? colourPieces(inputOf(moment, space))),
    changes,
    addressOf: (page) => moment.addressOf(page),
    nameOf: (address) => moment.nameOf(address),
    names: moment.names,
    closer:
      pieces.detail === 'pages'
        ? null
        : (firstPage, lastPage) => {
            const found = moment.piecesWithin(space, firstPage, lastPage);
            if (found === null) return null;
            const lanes = lanesOf(parts, found, colourPieces(inputOf(moment, space, found)));
            return { pieces: found, lanes };
          },
  };
}

function physicalStage({ moment, view, hidden }: StageParts, { pieces }: PhysicalOrder): Stage {
  const memory = moment.heading.regions.filter(({ kind }) => kind === 'ram' || kind === 'rom');
  const spans = [
    ...memory.map(({ first, last }) => ({ first: Number(first >> 12n), end: Number(last >> 12n) + 1 })),
    ...Array.from({ length: pieces.length }, (_, at) => ({
      first: pieces.first[at] as number,
      end: (pieces.first[at] as number) + (pieces.pages[at] as number),
    })),
  ].sort((one, other) => one.first - other.first);
  const end = Math.max(
    1,
    spans.reduce((most, span) => Math.max(most, span.end), 0),
  );
  const whole = { first: 0, end };
  const chosen = PHYSICAL_COLOURINGS.find(({ id }) => id === view.physicalColouring) ?? PHYSICAL_COLOURINGS[0];
  const all = PHYSICAL_COLOURINGS.map((each) => {
    const coloured = each.colour(pieces);
    return laneOf(each.id, each.label, coloured, null, each === chosen ? hidden : undefined);
  });
  return {
    pieces,
    axis: view.scale === 'linear' ? Axis.linear(whole) : Axis.folded(spans, whole),
    lanes: all.sort((one, other) => Number(other.id === chosen?.id) - Number(one.id === chosen?.id)),
    changes: null,
    addressOf: (page) => BigInt(page) << 12n,
    nameOf: (address) => formatHex(address, 16),
    names: moment.heading.regions.map(({ first, last, name }) => ({
      first: Number(first >> 12n),
      end: Number(last >> 12n) + 1,
      text: name,
    })),
    closer: null,
  };
}
