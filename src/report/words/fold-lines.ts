/** How far the rest of a line is set in, beside the line's own beginning. */
const INDENT = 4;
/** Colours, which take no column. */
const COLOURS = new RegExp(`${String.fromCharCode(0x1b)}\\[[0-9;]*m`, 'g');
/** Narrower than this nothing is folded: the reader has other troubles. @internal */
export const LEAST_COLUMNS = 80;

/** A word, with the blanks before it. */
interface Piece {
  readonly gap: string;
  readonly word: string;
  /** Columns of the word. */
  readonly width: number;
}

/**
 * Lines of a text for people in so many columns: what does not fit goes on in the next line, set in, from a place where columns of a
 * table part if there is one in the right half of the line. A word that is longer stays whole. JSON is for programs, and is left alone.
 *
 * @internal
 */
export function foldLines(text: string, columns: number): string {
  if (text.length <= columns) return text;
  return text
    .split('\n')
    .map((line) => (line.length <= columns || line.startsWith('{') ? line : foldLine(line, columns)))
    .join('\n');
}

function foldLine(line: string, columns: number): string {
  const pieces = piecesOf(line);
  const indent = ' '.repeat(isSentence(line, pieces) ? 0 : indentOf(pieces, columns / 2));
  const lines: string[] = [];
  let start = 0;
  let width = 0;
  for (let at = 0; at < pieces.length; at += 1) {
    const { gap, width: word } = pieces[at] as Piece;
    width += at === start && start > 0 ? indent.length + word : gap.length + word;
    if (width <= columns || at === start) continue;
    const end = breakBefore(pieces, start, at, columns / 2);
    lines.push(joinPieces(pieces.slice(start, end), start === 0 ? undefined : indent));
    start = end;
    // What was moved down is measured anew.
    at = end - 1;
    width = 0;
  }
  lines.push(joinPieces(pieces.slice(start), start === 0 ? undefined : indent));
  return lines.join('\n');
}

/** Of a paragraph, as help has them: no column, and no program's name before it. */
function isSentence(line: string, pieces: readonly Piece[]): boolean {
  return /^[A-Z]/.test(line) && /[.:]$/.test(line) && pieces.every(({ gap }) => gap.length <= 1);
}

/** Where the rest begins: of a line that is set in below the last of its columns, as of an option below what it does. */
function indentOf(pieces: readonly Piece[], most: number): number {
  const own = pieces[0]?.gap.length ?? 0;
  let below = 0;
  let at = 0;
  for (const { gap, width } of pieces) {
    at += gap.length;
    if (at > most) break;
    if (gap.length > 1 && at > own) below = at;
    at += width;
  }
  return own > 0 && below > 0 ? below : Math.min(own + INDENT, most);
}

/** Where the line that begins with `start` ends, as `over` is too much. */
function breakBefore(pieces: readonly Piece[], start: number, over: number, least: number): number {
  let width = pieces.slice(start, over).reduce((sum, { gap, width: word }) => sum + gap.length + word, 0);
  for (let at = over; at > start; at -= 1) {
    const { gap } = pieces[at] as Piece;
    if (width + gap.length < least) break;
    if (gap.length > 1) return at;
    const { gap: before, width: word } = pieces[at - 1] as Piece;
    width -= before.length + word;
  }
  return over;
}

function piecesOf(line: string): readonly Piece[] {
  const pieces: Piece[] = [];
  let gap = '';
  for (const [at, word] of line.split(' ').entries()) {
    if (at > 0) gap += ' ';
    if (word === '') continue;
    pieces.push({ gap, word, width: word.replace(COLOURS, '').length });
    gap = '';
  }
  return pieces;
}

/** @param indent - what stands before the first word instead of its own blanks */
function joinPieces(pieces: readonly Piece[], indent: string | undefined): string {
  return pieces.map(({ gap, word }, at) => `${at === 0 ? (indent ?? gap) : gap}${word}`).join('');
}
