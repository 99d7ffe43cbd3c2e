import { CHANGE_CLASSES, describePiece, endOf, type Pieces, pieceAt, pieceFrom } from '../../picture/internal.ts';
import { formatPages } from '../canvas/format-pages.ts';
import type { Place } from '../canvas/painter.ts';
import type { Stage } from '../canvas/stage.ts';
import type { LoadedMoment, Space } from '../moment/loaded-moment.ts';
import { nameOfPage } from '../moment/named-pages.ts';
import { inputOf } from './build-stage.ts';

interface Shown {
  readonly moment: LoadedMoment;
  readonly space: Space;
  readonly stage: Stage;
  readonly isPhysical: boolean;
}

/** From where to where nothing is mapped. */
function describeHole({ axis, addressOf, nameOf }: Stage, pieces: Pieces, page: number): string {
  const next = pieceFrom(pieces, page);
  const [begin, close] = [axis.parts[0]?.first ?? 0, axis.parts.at(-1)?.end ?? 0];
  const first = next === 0 ? begin : endOf(pieces, next - 1);
  const end = next === pieces.length ? close : (pieces.first[next] as number);
  if (end <= first) return 'nothing is mapped here';
  const last = addressOf(end - 1) | 0xfffn;
  return `hole of ${formatPages(end - first)}, ${nameOf(addressOf(first))}-${nameOf(last)}`;
}

/** What is at a page, in lines, without its address. @internal */
export function describePage(shown: Shown, page: number): readonly string[] {
  const { pieces, axis } = shown.stage;
  const part = axis.partAt(axis.placeOf(page));
  return describePlace(shown, { page, piece: pieceAt(pieces, page), pieces, part }).slice(1);
}

/** What is at a place, in lines. @internal */
export function describePlace({ moment, space, stage, isPhysical }: Shown, place: Place): readonly string[] {
  const { page, piece, pieces } = place;
  const head = [stage.nameOf(stage.addressOf(Math.floor(page))), ...nameAt(stage, page)];
  const changed = changesAt(stage, page);
  if (piece < 0) {
    return [...head, isPhysical ? 'no page leads here' : describeHole(stage, pieces, page), ...changed];
  }
  const first = stage.nameOf(stage.addressOf(pieces.first[piece] as number));
  const last = stage.nameOf(stage.addressOf(endOf(pieces, piece) - 1) | 0xfffn);
  const range = `${first}-${last}`;
  if (isPhysical) {
    const times = pieces.leaves[piece] as number;
    return [...head, range, `mapped ${times} time${times === 1 ? '' : 's'}`];
  }
  const facts = describePiece(inputOf(moment, space, pieces), piece).filter((line) => line !== '');
  return [...head, range, ...facts, ...changed];
}

function nameAt({ names }: Stage, page: number): readonly string[] {
  const name = nameOfPage(names, page);
  return name === null ? [] : [name];
}

function changesAt({ changes }: Stage, page: number): readonly string[] {
  const at = changes === null ? -1 : pieceAt(changes.pieces, page);
  if (changes === null || at < 0) return [];
  const label = CHANGE_CLASSES[changes.of[at] ?? 0]?.label ?? 'changed';
  return [`${label} (${(changes.all[at]?.differences ?? []).join(', ')})`];
}
