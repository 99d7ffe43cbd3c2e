/** How parts of a text are set off. A style that changes nothing is for files and pipes. @public */
export interface Style {
  /** The answer was yes. */
  readonly good: (text: string) => string;
  /** The answer was no. */
  readonly bad: (text: string) => string;
  /** What the reader should look at. */
  readonly mark: (text: string) => string;
  /** What the reader can do without. */
  readonly faint: (text: string) => string;
  readonly strong: (text: string) => string;
}

const same = (text: string) => text;

/** No colours. @public */
export const PLAIN: Style = { good: same, bad: same, mark: same, faint: same, strong: same };

/** Select Graphic Rendition (ECMA-48, 8.3.117): switches an attribute on, and that attribute alone off again. */
function attribute(on: number, off: number): (text: string) => string {
  return (text) => (text === '' ? '' : `\u001b[${on}m${text}\u001b[${off}m`);
}

/** The eight colours that every terminal has, so that the user's own palette is kept. @public */
export const COLOURED: Style = {
  good: attribute(32, 39),
  bad: attribute(31, 39),
  mark: attribute(33, 39),
  faint: attribute(2, 22),
  strong: attribute(1, 22),
};
