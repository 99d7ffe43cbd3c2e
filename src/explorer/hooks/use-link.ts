import type { RefObject } from 'preact';
import { useEffect } from 'preact/hooks';
import type { CanvasHandle } from '../canvas/canvas-handle.ts';
import type { Stage } from '../canvas/stage.ts';
import type { LoadedMoment } from '../moment/loaded-moment.ts';
import { decodeLink, encodeLink, type ViewState } from '../view/link.ts';

const DELAY_MS = 250;

interface LinkInput {
  readonly view: ViewState;
  readonly moment: LoadedMoment;
  readonly stage: Stage;
  readonly handle: RefObject<CanvasHandle | null>;
  /** Another number whenever something else is seen. */
  readonly moved: number;
  readonly onLink: (view: ViewState) => void;
}

/** The address of the page follows what is seen, and the other way round. @internal */
export function useLink({ view, moment, stage, handle, moved, onLink }: LinkInput): void {
  useEffect(() => {
    const timer = setTimeout(() => {
      const link = encodeLink({ ...view, range: rangeOf(stage, handle.current?.seenPages() ?? null) });
      if (`#${link}` !== location.hash) history.replaceState(null, '', link === '' ? location.pathname : `#${link}`);
    }, DELAY_MS);
    return () => clearTimeout(timer);
  }, [view, moved, stage]);
  useEffect(() => {
    const onHash = (): void => {
      const next = decodeLink(location.hash.slice(1));
      onLink(next);
      const pages = pagesOfRange(next, moment);
      if (pages !== null) handle.current?.showLater(pages.first, pages.end);
    };
    window.addEventListener('hashchange', onHash);
    return () => window.removeEventListener('hashchange', onHash);
  }, [moment]);
}

/** Null for everything. */
function rangeOf(stage: Stage, pages: ReturnType<CanvasHandle['seenPages']>): ViewState['range'] {
  const { axis } = stage;
  if (pages === null || (pages.first <= axis.pageOf(0) && pages.end >= axis.pageOf(axis.length) - 1)) return null;
  return { first: stage.addressOf(Math.floor(pages.first)), last: stage.addressOf(Math.ceil(pages.end) - 1) | 0xfffn };
}

/** What a link asks to see; null for everything. @internal */
export function pagesOfRange(
  { range, order }: ViewState,
  moment: LoadedMoment,
): { readonly first: number; readonly end: number } | null {
  if (range === null) return null;
  if (order === 'physical') return { first: Number(range.first >> 12n), end: Number(range.last >> 12n) + 1 };
  return { first: moment.pageOf(range.first), end: moment.pageOf(range.last) + 1 };
}
