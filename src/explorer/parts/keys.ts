import type { CanvasHandle } from '../canvas/canvas-handle.ts';
import type { Moments } from '../hooks/use-moments.ts';
import type { Navigation } from '../hooks/use-navigation.ts';

/** What keys do. @internal */
export interface KeyInput {
  readonly handle: CanvasHandle | null;
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
}

const PAN = 0.15;

/** @internal */
export function pressKey(event: KeyboardEvent, input: KeyInput): void {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const { handle, navigation, moments } = input;
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
    Escape: navigation.close,
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
