import type { Style } from '../../report/index.ts';

/** Text with a part of it set off. @internal */
export interface MarkedPart {
  readonly mark: keyof Style | null;
  readonly text: string;
}

const START = '\u0002';
const END = '\u0003';
const MARKS: readonly (keyof Style)[] = ['good', 'bad', 'mark', 'faint', 'strong'];

function marked(mark: keyof Style): (text: string) => string {
  return (text) => (text === '' ? '' : `${START}${MARKS.indexOf(mark)}${text}${END}`);
}

/** The style of reports in a page: `readMarks` makes parts of what it leaves. @internal */
export const PAGE_STYLE: Style = {
  good: marked('good'),
  bad: marked('bad'),
  mark: marked('mark'),
  faint: marked('faint'),
  strong: marked('strong'),
};

/** Parts of text in `PAGE_STYLE`. A name that holds such marks itself sets off the wrong words, and does nothing else. @internal */
export function readMarks(text: string): readonly MarkedPart[] {
  const open: (keyof Style)[] = [];
  const parts: MarkedPart[] = [];
  let from = 0;
  const put = (to: number): void => {
    if (to > from) parts.push({ mark: open.at(-1) ?? null, text: text.slice(from, to) });
  };
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === START) {
      put(at);
      open.push(MARKS[Number(text[at + 1])] ?? 'mark');
      from = at + 2;
      at += 1;
    } else if (text[at] === END) {
      put(at);
      open.pop();
      from = at + 1;
    }
  }
  put(text.length);
  return parts;
}
