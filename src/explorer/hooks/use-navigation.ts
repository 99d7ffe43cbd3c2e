import type { RefObject } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { endOf, pieceAt, pieceFrom } from '../../picture/internal.ts';
import type { CanvasHandle } from '../canvas/canvas-handle.ts';
import type { Stage } from '../canvas/stage.ts';
import type { LoadedMoment, Space } from '../moment/loaded-moment.ts';
import type { MomentFeed } from '../moment/moment-feed.ts';
import { findPlaces } from '../view/find-places.ts';
import type { ViewState } from '../view/link.ts';

interface NavigationInput {
  readonly feed: MomentFeed;
  readonly moment: LoadedMoment;
  readonly space: Space;
  readonly stage: Stage;
  readonly isPhysical: boolean;
  readonly handle: RefObject<CanvasHandle | null>;
  readonly change: (part: Partial<ViewState>) => void;
}

/** Ways from one place to another. @internal */
export interface Navigation {
  /** Where the last step has led, in words. */
  readonly said: string;
  say(text: string): void;
  choose(page: number): void;
  /** What was last come to. */
  chooseAgain(): void;
  close(): void;
  goTo(direction: 1 | -1, isWanted?: (at: number) => boolean): void;
  /** To the next change of a class. */
  goToChange(wanted: number): void;
  /** To a linear address, whatever order is seen. */
  showAddress(address: bigint, endPage?: number): void;
  find(query: string): void;
}

/** @internal */
export function useNavigation({ feed, moment, space, stage, isPhysical, handle, change }: NavigationInput): Navigation {
  const [said, setSaid] = useState('');
  const reached = useRef({ page: -1, isPhysical });
  const asked = useRef(0);
  // A place in one order is none in the other.
  const cursor = (): number => (reached.current.isPhysical === isPhysical ? reached.current.page : -1);

  const choose = (page: number): void => {
    reached.current = { page, isPhysical };
    if (isPhysical) change({ frame: page });
    else change({ selected: stage.addressOf(page) });
  };

  const showPiece = (first: number, end: number): void => {
    const seen = handle.current?.seenPages() ?? null;
    if (seen !== null && first >= seen.first && end <= seen.end) return;
    const margin = Math.max(2, Math.floor((end - first) / 2));
    handle.current?.showPages(Math.max(0, first - margin), end + margin);
  };

  const goTo = (direction: 1 | -1, isWanted: (at: number) => boolean = () => true): void => {
    const { pieces, lanes } = stage;
    const at = nextPiece(stage, cursor(), handle.current?.seenPages()?.first ?? 0, direction, isWanted);
    if (at === null) {
      setSaid('there is none');
      return;
    }
    const first = pieces.first[at] as number;
    const [lane] = lanes;
    const label = lane?.classes[lane.all[at] as number]?.label ?? '';
    setSaid(`${stage.nameOf(stage.addressOf(first))} ${label}`);
    showPiece(first, endOf(pieces, at));
    choose(first);
  };

  const goToChange = (wanted: number): void => {
    const { changes } = stage;
    if (changes === null) return;
    const from = pieceFrom(changes.pieces, cursor() + 1);
    const next = changes.of.indexOf(wanted, from);
    const at = next < 0 ? changes.of.indexOf(wanted) : next;
    if (at < 0) return;
    const first = changes.pieces.first[at] as number;
    showPiece(first, endOf(changes.pieces, at));
    choose(first);
  };

  const showAddress = (address: bigint, endPage?: number): void => {
    const first = moment.pageOf(address);
    const end = endPage ?? first + 1;
    reached.current = { page: first, isPhysical: false };
    change({ order: 'linear', selected: address });
    const margin = Math.max(4, Math.floor((end - first) / 4));
    handle.current?.showLater(Math.max(0, first - margin), end + margin);
  };

  const find = (query: string): void => {
    if (query.trim() === '') return;
    asked.current += 1;
    const own = asked.current;
    findPlaces(query, moment, space, feed).then(
      (found) => {
        // Another search was begun meanwhile.
        if (own !== asked.current) return;
        if (typeof found === 'string') return setSaid(found);
        const after = isPhysical ? -1 : cursor();
        const next = found.places.find(({ address }) => moment.pageOf(address) > after) ?? found.places[0];
        if (next === undefined) return;
        const { address, text, endPage } = next;
        const number = found.places.indexOf(next) + 1;
        const count = found.places.length === 1 ? '' : `: ${number} of ${found.places.length}${found.more}`;
        const isMapped = pieceAt(space.pieces, moment.pageOf(address)) >= 0;
        setSaid(
          `${moment.nameOf(address)}${text === '' ? '' : ` ${text}`}${count}${isMapped ? '' : '; nothing is mapped there'}`,
        );
        showAddress(address, endPage);
      },
      (error: unknown) => setSaid(error instanceof Error ? error.message : String(error)),
    );
  };

  return {
    said,
    say: setSaid,
    choose,
    chooseAgain: () => {
      const page = cursor();
      if (page >= 0) choose(page);
    },
    close: () => {
      change({ selected: null, frame: null });
    },
    goTo,
    goToChange,
    showAddress,
    find,
  };
}

/** The next piece that is wanted, from the end on again from the beginning; null where there is none. */
function nextPiece(
  { pieces }: Stage,
  cursor: number,
  seenFirst: number,
  direction: 1 | -1,
  isWanted: (at: number) => boolean,
): number | null {
  const from = cursor < 0 ? seenFirst - 1 : cursor;
  let at = pieceFrom(pieces, Math.max(0, from));
  if (direction > 0 && at < pieces.length && (pieces.first[at] as number) <= from) at += 1;
  if (direction < 0) at -= 1;
  for (let tried = 0; tried < pieces.length; tried += 1, at += direction) {
    at = (at + pieces.length) % pieces.length;
    if (isWanted(at)) return at;
  }
  return null;
}
