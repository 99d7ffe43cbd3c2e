import { formatHex } from '../../paging/index.ts';
import {
  type AxisPart,
  CHANGE_CLASSES,
  type ColourClass,
  classesOfColumns,
  findColumns,
  leavesWithin,
  NOTHING,
  type Pieces,
  pieceAt,
} from '../../picture/internal.ts';
import { formatSize } from '../../report/index.ts';
import { FAINT, type Lane, type Stage } from './stage.ts';

/** What is seen, in units of the axis. @internal */
export interface Seen {
  readonly from: number;
  readonly to: number;
}

/** A place in the picture. @internal */
export interface Place {
  /** With the part of the page as a fraction. */
  readonly page: number;
  readonly piece: number;
  readonly pieces: Pieces;
  readonly part: AxisPart | undefined;
}

const OVERVIEW = 16;
const RULER = 40;
const LANE = 15;
const GAP = 3;
const FONT = '11px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace';
/** Closer than this page by page is looked at. */
const CLOSE_LEAVES = 150_000;

interface Theme {
  readonly isDark: boolean;
  readonly background: string;
  readonly text: string;
  readonly faint: string;
  readonly hole: string;
  readonly accent: string;
  readonly unwanted: string;
  readonly unchanged: string;
}

const LIGHT: Theme = {
  isDark: false,
  background: '#ffffff',
  text: '#1d2733',
  faint: '#5c6875',
  hole: '#eceff2',
  accent: '#111111',
  unwanted: '#e1e5e9',
  unchanged: '#c9cdd2',
};
const DARK: Theme = {
  isDark: true,
  background: '#14181d',
  text: '#e6ebf0',
  faint: '#9aa7b4',
  hole: '#20262d',
  accent: '#ffffff',
  unwanted: '#2a3038',
  unchanged: '#4a5058',
};

/** Draws a stage on a canvas. Its work grows with the points of the canvas, and hardly with what is mapped. @internal */
export class Painter {
  readonly #canvas: HTMLCanvasElement;
  readonly #stripes = new Map<string, CanvasPattern>();
  #stage: Stage | null = null;
  #seen: Seen = { from: 0, to: 1 };
  #width = 1;
  #height = 1;
  #theme = LIGHT;
  #pending = 0;
  /** The page under the pointer. */
  #pointed: number | null = null;
  #closer: {
    readonly first: number;
    readonly end: number;
    readonly pieces: Pieces;
    readonly lanes: readonly Lane[];
  } | null = null;
  /** Called after each picture. */
  onPainted: (() => void) | null = null;

  constructor(canvas: HTMLCanvasElement) {
    this.#canvas = canvas;
  }

  get stage(): Stage | null {
    return this.#stage;
  }

  get seen(): Seen {
    return this.#seen;
  }

  get width(): number {
    return this.#width;
  }

  show(stage: Stage): void {
    this.#stage = stage;
    this.#closer = null;
    this.#later();
  }

  look(seen: Seen): void {
    this.#seen = seen;
    this.#later();
  }

  point(page: number | null): void {
    if (page === this.#pointed) return;
    this.#pointed = page;
    this.#later();
  }

  setTheme(isDark: boolean): void {
    this.#theme = isDark ? DARK : LIGHT;
    this.#stripes.clear();
    this.#later();
  }

  resize(): void {
    const { clientWidth, clientHeight } = this.#canvas;
    const ratio = window.devicePixelRatio || 1;
    this.#width = Math.max(1, clientWidth);
    this.#height = Math.max(1, clientHeight);
    this.#canvas.width = Math.round(this.#width * ratio);
    this.#canvas.height = Math.round(this.#height * ratio);
    this.#stripes.clear();
    this.#later();
  }

  /** What is at a point of the canvas; null outside of everything. */
  placeAt(x: number, y: number): Place | null {
    const stage = this.#stage;
    if (stage === null) return null;
    const isOverview = y < OVERVIEW;
    const place = isOverview
      ? (x / this.#width) * stage.axis.length
      : this.#seen.from + (x / this.#width) * (this.#seen.to - this.#seen.from);
    const page = stage.axis.pageOf(place);
    const pieces =
      this.#closer !== null && page >= this.#closer.first && page < this.#closer.end
        ? this.#closer.pieces
        : stage.pieces;
    return { page, piece: pieceAt(pieces, page), pieces, part: stage.axis.partAt(place) };
  }

  isOverview(y: number): boolean {
    return y < OVERVIEW;
  }

  #later(): void {
    if (this.#pending !== 0) return;
    this.#pending = requestAnimationFrame(() => {
      this.#pending = 0;
      this.#paint();
    });
  }

  #paint(): void {
    const context = this.#canvas.getContext('2d', { alpha: false });
    const stage = this.#stage;
    if (context === null) return;
    const ratio = this.#canvas.width / this.#width;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = this.#theme.background;
    context.fillRect(0, 0, this.#width, this.#height);
    if (stage === null) return;
    context.font = FONT;
    context.textBaseline = 'middle';
    this.#comeCloser(stage);
    const { pieces, lanes } = this.#closer ?? stage;
    const { from, to } = this.#seen;
    const whole = { from: 0, to: stage.axis.length };
    const [chosen, ...others] = lanes;
    if (chosen === undefined) return;
    const top = OVERVIEW + RULER;
    const height = Math.max(40, this.#height - top - others.length * (LANE + GAP) - GAP);
    const [ofWhole] = stage.lanes;
    if (ofWhole !== undefined)
      this.#paintLanes(context, stage, stage.pieces, [{ lane: ofWhole, top: 0, height: OVERVIEW - 4 }], whole);
    this.#paintLens(context, stage);
    const strips = [
      { lane: chosen, top, height },
      ...others.map((lane, nth) => ({ lane, top: top + height + GAP + nth * (LANE + GAP), height: LANE })),
    ];
    this.#paintLanes(context, stage, pieces, strips, { from, to });
    this.#paintGrid(context, stage, top, height);
    this.#paintRuler(context, stage, top);
    this.#paintMarks(context, stage, top);
    for (const { lane, top: y } of strips.slice(1)) this.#paintLabel(context, lane.label, y + LANE / 2);
    this.onPainted?.();
  }

  /** Page by page, where that is not more than can be seen. */
  #comeCloser({ axis, pieces, closer }: Stage): void {
    if (closer === null) return;
    const first = Math.floor(axis.pageOf(this.#seen.from));
    const end = Math.ceil(axis.pageOf(this.#seen.to));
    if (this.#closer !== null && first >= this.#closer.first && end <= this.#closer.end) return;
    this.#closer = null;
    const margin = Math.max(512, Math.floor((end - first) / 2));
    const [from, to] = [Math.max(0, first - margin), end + margin];
    if (leavesWithin(pieces, from, to, CLOSE_LEAVES) > CLOSE_LEAVES) return;
    const found = closer(from, to - 1);
    if (found !== null) this.#closer = { first: from, end: to, ...found };
  }

  #paintLanes(
    context: CanvasRenderingContext2D,
    stage: Stage,
    pieces: Pieces,
    strips: readonly { readonly lane: Lane; readonly top: number; readonly height: number }[],
    { from, to }: Seen,
  ): void {
    const ratio = this.#canvas.width / this.#width;
    const window = { from, to, columns: this.#canvas.width };
    const columns = findColumns(pieces, stage.axis, window);
    for (const { lane, top, height } of strips) {
      context.fillStyle = this.#theme.hole;
      context.fillRect(0, top, this.#width, height);
      const shown = classesOfColumns(pieces, lane.of, lane.alarming, columns);
      this.#fillRuns(context, shown, lane.classes, top, height, ratio);
    }
    const { changes } = stage;
    const [main] = strips;
    if (changes === null || main === undefined) return;
    const alarming = new Int32Array(0);
    const shown = classesOfColumns(
      changes.pieces,
      changes.of,
      alarming,
      findColumns(changes.pieces, stage.axis, window),
    );
    this.#fillRuns(context, shown, CHANGE_CLASSES, main.top, main.height, ratio);
  }

  #fillRuns(
    context: CanvasRenderingContext2D,
    shown: Uint8Array,
    classes: readonly ColourClass[],
    top: number,
    height: number,
    ratio: number,
  ): void {
    for (let from = 0; from < shown.length; ) {
      const each = shown[from] as number;
      let to = from + 1;
      while (to < shown.length && shown[to] === each) to += 1;
      if (each !== NOTHING) {
        const known = classes[each];
        const isAlarming = known?.isAlarming === true;
        context.fillStyle =
          each === FAINT || known === undefined ? this.#theme.unwanted : this.#fillOf(context, known, height > LANE);
        // What must not be missed is at least three points wide.
        const more = isAlarming ? Math.max(0, 3 - (to - from)) : 0;
        context.fillRect((from - more / 2) / ratio, top, (to - from + more) / ratio, height);
      }
      from = to;
    }
  }

  #fillOf(
    context: CanvasRenderingContext2D,
    { colour, isAlarming }: ColourClass,
    isLarge: boolean,
  ): string | CanvasPattern {
    const plain = this.#theme.isDark ? colour.dark : colour.light;
    if (!isAlarming || !isLarge) return plain;
    const known = this.#stripes.get(plain);
    if (known !== undefined) return known;
    const tile = document.createElement('canvas');
    tile.width = tile.height = 8;
    const drawn = tile.getContext('2d');
    if (drawn === null) return plain;
    drawn.fillStyle = plain;
    drawn.fillRect(0, 0, 8, 8);
    drawn.strokeStyle = this.#theme.isDark ? '#000000' : '#ffffff';
    drawn.lineWidth = 2;
    for (const shift of [-8, 0, 8]) {
      drawn.beginPath();
      drawn.moveTo(shift, 8);
      drawn.lineTo(shift + 8, 0);
      drawn.stroke();
    }
    const pattern = context.createPattern(tile, 'repeat');
    if (pattern === null) return plain;
    this.#stripes.set(plain, pattern);
    return pattern;
  }

  /** Which part of the overview is seen below. */
  #paintLens(context: CanvasRenderingContext2D, { axis }: Stage): void {
    const x = (this.#seen.from / axis.length) * this.#width;
    const width = Math.max(2, ((this.#seen.to - this.#seen.from) / axis.length) * this.#width);
    context.strokeStyle = this.#theme.accent;
    context.lineWidth = 1.5;
    context.strokeRect(Math.max(0.75, x), 0.75, Math.min(width, this.#width - 1.5), OVERVIEW - 4.5);
  }

  /** Single pages, when they are large enough. */
  #paintGrid(context: CanvasRenderingContext2D, { axis }: Stage, top: number, height: number): void {
    const first = axis.pageOf(this.#seen.from);
    const end = axis.pageOf(this.#seen.to);
    const part = axis.partAt(this.#seen.from);
    if (end - first > this.#width / 6 || part === undefined || end > part.end + 1) return;
    context.strokeStyle = this.#theme.background;
    context.lineWidth = 1;
    context.beginPath();
    for (let page = Math.ceil(first); page <= end; page += 1) {
      const x = Math.round(this.xOf(page)) + 0.5;
      context.moveTo(x, top);
      context.lineTo(x, top + height);
    }
    context.stroke();
  }

  #paintRuler(context: CanvasRenderingContext2D, stage: Stage, top: number): void {
    const { axis } = stage;
    const { from, to } = this.#seen;
    const digits = (page: number): string => formatHex(stage.addressOf(page), 16);
    this.#paintEnds(context, axis.pageOf(from), axis.pageOf(to), digits);
    const middle = OVERVIEW + 24;
    let reached = 0;
    const point = (to - from) / this.#width;
    for (let at = axis.indexAt(from); at < axis.parts.length; ) {
      const part = axis.parts[at] as AxisPart;
      if (part.from >= to) break;
      const left = Math.max(0, this.#xOfPlace(part.from));
      const right = Math.min(this.#width, this.#xOfPlace(part.to));
      // What is too narrow for a mark is skipped with all that shares its point of the screen.
      if (right - left < 2) {
        at = Math.max(at + 1, axis.indexAt(part.from + 2 * point));
        continue;
      }
      at += 1;
      if (part.isHole) {
        this.#paintHole(context, part, left, right, top);
        continue;
      }
      context.fillStyle = this.#theme.faint;
      context.fillRect(left, top - 5, Math.max(1, right - left), 2);
      const shownFirst = Math.floor(Math.max(part.first, axis.pageOf(from)));
      const room = right - Math.max(left, reached);
      const text = [digits(shownFirst), digits(shownFirst).replace(/^0x0*/, '…'), ''].find(
        (each) => context.measureText(each).width + 6 < room,
      );
      if (text === undefined || text === '') continue;
      context.fillStyle = this.#theme.text;
      context.fillText(text, Math.max(left, reached), middle);
      const start = Math.max(left, reached);
      const size = formatPages(part.end - part.first);
      const width = context.measureText(text).width;
      reached = start + width + 10;
      if (width + context.measureText(size).width + 16 > room) continue;
      context.fillStyle = this.#theme.faint;
      context.fillText(size, reached, middle);
      reached += context.measureText(size).width + 10;
    }
    this.#paintNames(context, stage, top);
  }

  /** What is seen, from where to where. */
  #paintEnds(context: CanvasRenderingContext2D, first: number, end: number, digits: (page: number) => string): void {
    const left = digits(Math.floor(first));
    const right = digits(Math.max(Math.floor(first), Math.ceil(end) - 1)).replace(/000$/, 'fff');
    const y = OVERVIEW + 8;
    context.fillStyle = this.#theme.text;
    context.fillText(left, 0, y);
    context.textAlign = 'end';
    context.fillText(right, this.#width, y);
    context.textAlign = 'center';
    context.fillStyle = this.#theme.faint;
    const size = `← ${formatPages(end - first)} →`;
    if (2 * context.measureText(left).width + context.measureText(size).width + 20 < this.#width) {
      context.fillText(size, this.#width / 2, y);
    }
    context.textAlign = 'start';
  }

  #paintHole(context: CanvasRenderingContext2D, part: AxisPart, left: number, right: number, top: number): void {
    context.strokeStyle = this.#theme.faint;
    context.lineWidth = 1;
    const middle = (left + right) / 2;
    context.beginPath();
    for (const x of [middle - 1.5, middle + 1.5]) {
      context.moveTo(x, top - 8);
      context.lineTo(x, top - 2);
    }
    context.stroke();
    const text = `hole ${formatPages(part.end - part.first)}`;
    if (context.measureText(text).width + 6 > right - left) return;
    context.fillStyle = this.#theme.faint;
    context.textAlign = 'center';
    context.fillText(text, middle, OVERVIEW + 24);
    context.textAlign = 'start';
  }

  #paintNames(context: CanvasRenderingContext2D, { names }: Stage, top: number): void {
    let reached = 0;
    for (const { first, end, text } of names) {
      const left = Math.max(0, this.xOf(first));
      const right = Math.min(this.#width, this.xOf(end));
      const width = context.measureText(text).width;
      if (right - left < width + 8 || left < reached) continue;
      context.fillStyle = this.#theme.background;
      context.globalAlpha = 0.75;
      context.fillRect(left + 2, top + 4, width + 6, 14);
      context.globalAlpha = 1;
      context.fillStyle = this.#theme.text;
      context.fillText(text, left + 5, top + 11);
      reached = left + width + 12;
    }
  }

  #paintMarks(context: CanvasRenderingContext2D, { selectedPage }: Stage, top: number): void {
    const mark = (page: number, dash: readonly number[]): void => {
      const x = this.xOf(page);
      const width = Math.max(2, this.xOf(page + 1) - x);
      if (x + width < 0 || x > this.#width) return;
      context.strokeStyle = this.#theme.accent;
      context.lineWidth = 2;
      context.setLineDash([...dash]);
      context.strokeRect(x, top - 1, width, this.#height - top - 1);
      context.setLineDash([]);
    };
    if (this.#pointed !== null && this.#pointed !== selectedPage) mark(this.#pointed, [3, 3]);
    if (selectedPage !== null) mark(selectedPage, []);
  }

  #paintLabel(context: CanvasRenderingContext2D, text: string, y: number): void {
    const width = context.measureText(text).width;
    context.globalAlpha = 0.85;
    context.fillStyle = this.#theme.background;
    context.fillRect(2, y - 7, width + 6, 13);
    context.globalAlpha = 1;
    context.fillStyle = this.#theme.text;
    context.fillText(text, 5, y);
  }

  xOf(page: number): number {
    return this.#stage === null ? 0 : this.#xOfPlace(this.#stage.axis.placeOf(page));
  }

  #xOfPlace(place: number): number {
    const { from, to } = this.#seen;
    return ((place - from) / (to - from)) * this.#width;
  }
}

/** @internal */
export function formatPages(pages: number): string {
  const bytes = pages * 4096;
  const exact = formatSize(BigInt(Math.round(pages)) << 12n);
  if (exact.length <= 6) return exact;
  const unit = ['K', 'M', 'G', 'T', 'P'].findLast((_, nth) => bytes >= 1024 ** (nth + 1)) ?? 'K';
  const exponent = 'KMGTP'.indexOf(unit) + 1;
  return `${(bytes / 1024 ** exponent).toFixed(1)}${unit}`;
}
