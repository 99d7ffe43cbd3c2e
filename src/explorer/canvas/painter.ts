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
import { OVERVIEW, paintRuler, type Seen, xOfPage } from './ruler.ts';
import { colourBesideClasses, type Lane, type Stage } from './stage.ts';
import { DARK, LIGHT } from './theme.ts';

/** A place in the picture. @internal */
export interface Place {
  /** With the part of the page as a fraction. */
  readonly page: number;
  readonly piece: number;
  readonly pieces: Pieces;
  readonly part: AxisPart | undefined;
}

const RULER = 40;
const LANE = 9;
/** The name of a strip stands above it: beside it, it would hide what lies lowest. */
const LABEL = 13;
const GAP = 2;
/** A strip that is not higher has no stripes. */
const HIGHEST_PLAIN = 16;
const FONT = '11px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace';
/** Closer than this page by page is looked at. */
const CLOSE_LEAVES = 150_000;

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
  /** The page that was chosen. */
  #selected: number | null = null;
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

  select(page: number | null): void {
    if (page === this.#selected) return;
    this.#selected = page;
    this.#later();
  }

  setTheme(isDark: boolean): void {
    this.#theme = isDark ? DARK : LIGHT;
    this.#stripes.clear();
    this.#later();
  }

  /** @returns whether the canvas has another size now: it is empty then, and black, until something is painted. */
  resize(): boolean {
    const { clientWidth, clientHeight } = this.#canvas;
    const ratio = window.devicePixelRatio || 1;
    this.#width = Math.max(1, clientWidth);
    this.#height = Math.max(1, clientHeight);
    const [width, height] = [Math.round(this.#width * ratio), Math.round(this.#height * ratio)];
    if (this.#canvas.width === width && this.#canvas.height === height) return false;
    this.#canvas.width = width;
    this.#canvas.height = height;
    this.#stripes.clear();
    this.#later();
    return true;
  }

  /** Without waiting for the next frame. */
  paintNow(): void {
    if (this.#pending !== 0) cancelAnimationFrame(this.#pending);
    this.#pending = 0;
    this.#paint();
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
    const height = Math.max(40, this.#height - top - others.length * (LABEL + LANE + GAP) - GAP);
    const [ofWhole] = stage.lanes;
    if (ofWhole !== undefined)
      this.#paintLanes(context, stage, stage.pieces, [{ lane: ofWhole, top: 0, height: OVERVIEW - 4 }], whole);
    this.#paintLens(context, stage);
    const strips = [
      { lane: chosen, top, height },
      ...others.map((lane, nth) => ({
        lane,
        top: top + height + GAP + LABEL + nth * (LABEL + LANE + GAP),
        height: LANE,
      })),
    ];
    this.#paintLanes(context, stage, pieces, strips, { from, to });
    this.#paintGrid(context, stage, top, height);
    paintRuler({ context, stage, seen: this.#seen, width: this.#width, top, theme: this.#theme });
    this.#paintMarks(context, top);
    for (const { lane, top: y } of strips.slice(1)) this.#paintLabel(context, lane.label, y - LABEL / 2);
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
          known === undefined
            ? colourBesideClasses(each, this.#theme)
            : this.#fillOf(context, known, height > HIGHEST_PLAIN);
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

  #paintMarks(context: CanvasRenderingContext2D, top: number): void {
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
    if (this.#pointed !== null && this.#pointed !== this.#selected) mark(this.#pointed, [3, 3]);
    if (this.#selected !== null) mark(this.#selected, []);
  }

  #paintLabel(context: CanvasRenderingContext2D, text: string, y: number): void {
    context.fillStyle = this.#theme.faint;
    context.fillText(text, 0, y);
  }

  xOf(page: number): number {
    const stage = this.#stage;
    return stage === null ? 0 : xOfPage({ stage, seen: this.#seen, width: this.#width }, page);
  }
}
