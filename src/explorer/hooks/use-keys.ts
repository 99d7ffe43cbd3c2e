import type { RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { CanvasHandle } from '../canvas/canvas-handle.ts';
import type { Moments } from './use-moments.ts';
import type { Navigation } from './use-navigation.ts';

/** What keys do. @internal */
export interface KeyInput {
  readonly handle: RefObject<CanvasHandle | null>;
  readonly navigation: Navigation;
  readonly moments: Moments;
  /** Colourings that can be chosen, in the order of the keys 1 and on. */
  readonly colourings: readonly string[];
  readonly isAlarming: (at: number) => boolean;
  readonly onColouring: (id: string) => void;
  readonly onOrder: () => void;
  readonly onPlay: () => void;
  readonly onSearch: () => void;
  readonly onTable: () => void;
  readonly onHelp: () => void;
  /** Closes what was opened last. */
  readonly onClose: () => void;
}

const PAN = 0.15;
/** What buttons, sliders and text that scrolls need for themselves. */
const OF_CONTROLS = /^(Arrow(Left|Right|Up|Down)|Home|Enter| )$/;

/** Keys that what has the focus needs for itself. */
function isOfControl(key: string, target: EventTarget | null): boolean {
  if (key === 'Escape' || target === document.body || target instanceof HTMLCanvasElement) return false;
  const isWritten = target instanceof HTMLInputElement && !['checkbox', 'range'].includes(target.type);
  return isWritten || target instanceof HTMLSelectElement || OF_CONTROLS.test(key);
}

/** Keys do the same wherever on the page they are pressed: who has just used a button goes on without the picture's focus. @internal */
export function useKeys(input: KeyInput): void {
  const latest = useRef(input);
  latest.current = input;
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => pressKey(event, latest.current);
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);
}

function pressKey(event: KeyboardEvent, input: KeyInput): void {
  if (event.ctrlKey || event.metaKey || event.altKey || isOfControl(event.key, event.target)) return;
  const { navigation, moments } = input;
  const handle = input.handle.current;
  const keys: Readonly<Record<string, () => void>> = {
    ArrowLeft: () => handle?.pan(-PAN),
    ArrowRight: () => handle?.pan(PAN),
    ArrowUp: () => handle?.step(1),
    ArrowDown: () => handle?.step(-1),
    '+': () => handle?.step(1),
    '=': () => handle?.step(1),
    '-': () => handle?.step(-1),
    Home: () => handle?.showAll(),
    0: () => handle?.showAll(),
    n: () => navigation.goTo(1),
    p: () => navigation.goTo(-1),
    w: () => navigation.goTo(1, input.isAlarming),
    Enter: navigation.chooseAgain,
    Escape: input.onClose,
    f: input.onOrder,
    t: input.onTable,
    '/': input.onSearch,
    '?': input.onHelp,
    ' ': input.onPlay,
    '.': () => {
      if (!moments.isBusy) moments.step();
    },
  };
  const colouring = input.colourings[Number(event.key) - 1];
  const act = keys[event.key] ?? (colouring === undefined ? undefined : () => input.onColouring(colouring));
  if (act === undefined) return;
  event.preventDefault();
  act();
}
