/** A colour for each of the two backgrounds. @internal */
export interface Colour {
  readonly light: string;
  readonly dark: string;
}

const both = (light: string, dark: string = light): Colour => ({ light, dark });

/**
 * Colours that are told apart with any kind of colour vision: near to Okabe and Ito's, and for rights and use each as light as no other
 * one, so that they are told apart without colours too. What must not be missed has stripes besides.
 *
 * @internal
 */
export const COLOURS = {
  none: both('#c9cdd2', '#4a5058'),
  readOnly: both('#7b8794', '#8a95a1'),
  execute: both('#0072b2', '#2b7fc0'),
  write: both('#e69f00', '#e69f00'),
  writeExecute: both('#c2185b', '#ff4f9a'),
  userReadOnly: both('#b5bec8', '#cdd5dd'),
  userExecute: both('#46a0e4', '#7cc4f5'),
  userWrite: both('#f0d442', '#fbeb9a'),
  green: both('#009e73', '#2cc79b'),
  vermilion: both('#d55e00', '#e8641b'),
  purple: both('#9a5a9a', '#d79ad0'),
} as const;

const SERIES: readonly Colour[] = [
  both('#0072b2', '#3d9fe0'),
  both('#e69f00'),
  both('#009e73', '#2cc79b'),
  both('#9a5a9a', '#d79ad0'),
  both('#56b4e9', '#8fd3ff'),
  both('#d55e00', '#ff8a3d'),
  both('#f0d442', '#f7e27a'),
  both('#7b8794', '#9aa5b1'),
];

/** The nth of things that have no colour of their own: after eight they are not told apart. @internal */
export function seriesColour(nth: number): Colour {
  return SERIES[nth % SERIES.length] as Colour;
}
