import type { AxisPart } from '../../picture/internal.ts';
import { type NamedPages, nameFrom } from '../moment/named-pages.ts';
import { formatPages } from './format-pages.ts';
import type { Stage } from './stage.ts';
import type { Theme } from './theme.ts';

/** What is seen, in units of the axis. @internal */
export interface Seen {
  readonly from: number;
  readonly to: number;
}

/** How high the overview is; the addresses are below it. @internal */
export const OVERVIEW = 16;
/** The lines of the ruler: both ends of what is seen, and the parts of it. */
const ENDS = OVERVIEW + 8;
const PARTS = OVERVIEW + 24;
/** Of a page: places are sums of many parts. */
const ROUNDING = 0.01;
/** A name of two letters does not fit into less. */
const LEAST_NAMED = 20;
/** Of a longer name, with the mark that there is more. */
const LEAST_CHARACTERS = 4;

/** What a ruler is painted with. @internal */
export interface RulerInput {
  readonly context: CanvasRenderingContext2D;
  readonly stage: Stage;
  readonly seen: Seen;
  /** Of the canvas. */
  readonly width: number;
  /** Where the picture begins. */
  readonly top: number;
  readonly theme: Theme;
}

/** Where a page begins, in points of the screen. @internal */
export function xOfPage({ stage, seen, width }: Pick<RulerInput, 'stage' | 'seen' | 'width'>, page: number): number {
  return xOfPlace({ seen, width }, stage.axis.placeOf(page));
}

function xOfPlace({ seen: { from, to }, width }: Pick<RulerInput, 'seen' | 'width'>, place: number): number {
  return ((place - from) / (to - from)) * width;
}

/** Addresses and sizes of what is seen, holes, and names. @internal */
export function paintRuler(input: RulerInput): void {
  paintEnds(input);
  paintParts(input);
  paintNames(input);
}

function digitsOf({ stage }: RulerInput, page: number): string {
  return stage.nameOf(stage.addressOf(page));
}

/** What is seen, from where to where. */
function paintEnds(input: RulerInput): void {
  const { context, stage, seen, width, theme } = input;
  const first = stage.axis.pageOf(seen.from);
  const end = stage.axis.pageOf(seen.to);
  const firstPage = Math.floor(first + ROUNDING);
  const left = digitsOf(input, firstPage);
  const right = digitsOf(input, Math.max(firstPage, Math.ceil(end - ROUNDING) - 1)).replace(/000$/, 'fff');
  context.fillStyle = theme.text;
  context.fillText(left, 0, ENDS);
  context.textAlign = 'end';
  context.fillText(right, width, ENDS);
  context.textAlign = 'center';
  context.fillStyle = theme.faint;
  const size = `← ${formatPages(end - first)} →`;
  if (2 * context.measureText(left).width + context.measureText(size).width + 20 < width) {
    context.fillText(size, width / 2, ENDS);
  }
  context.textAlign = 'start';
}

function paintParts(input: RulerInput): void {
  const { stage, seen, width } = input;
  const { axis } = stage;
  const point = (seen.to - seen.from) / width;
  let reached = 0;
  for (let at = axis.indexAt(seen.from); at < axis.parts.length; ) {
    const part = axis.parts[at] as AxisPart;
    if (part.from >= seen.to) break;
    const left = Math.max(0, xOfPlace(input, part.from));
    const right = Math.min(width, xOfPlace(input, part.to));
    // What is too narrow for a mark is skipped with all that shares its point of the screen.
    if (right - left < 2) {
      at = Math.max(at + 1, axis.indexAt(part.from + 2 * point));
      continue;
    }
    at += 1;
    if (part.isHole) paintHole(input, part, left, right);
    else reached = paintPart(input, part, { left, right, reached });
  }
}

/** @returns how far to the right there is text now */
function paintPart(
  input: RulerInput,
  part: AxisPart,
  { left, right, reached }: { readonly left: number; readonly right: number; readonly reached: number },
): number {
  const { context, stage, seen, top, theme } = input;
  context.fillStyle = theme.faint;
  context.fillRect(left, top - 5, Math.max(1, right - left), 2);
  const start = Math.max(left, reached);
  const room = right - start;
  if (room < LEAST_NAMED) return reached;
  const digits = digitsOf(input, Math.floor(Math.max(part.first, stage.axis.pageOf(seen.from))));
  const short = digits.replace(/^0x0*/, '');
  const text = [digits, `…${short}`, short].find((each) => context.measureText(each).width + 6 < room);
  if (text === undefined) return reached;
  context.fillStyle = theme.text;
  context.fillText(text, start, PARTS);
  const size = formatPages(part.end - part.first);
  const widthOfText = context.measureText(text).width;
  const widthOfSize = context.measureText(size).width;
  const next = start + widthOfText + 10;
  if (widthOfText + widthOfSize + 16 > room) return next;
  context.fillStyle = theme.faint;
  context.fillText(size, next, PARTS);
  return next + widthOfSize + 10;
}

function paintHole({ context, top, theme }: RulerInput, part: AxisPart, left: number, right: number): void {
  context.strokeStyle = theme.faint;
  context.lineWidth = 1;
  const middle = (left + right) / 2;
  context.beginPath();
  for (const x of [middle - 1.5, middle + 1.5]) {
    context.moveTo(x, top - 8);
    context.lineTo(x, top - 2);
  }
  context.stroke();
  if (right - left < LEAST_NAMED) return;
  const text = `hole ${formatPages(part.end - part.first)}`;
  if (context.measureText(text).width + 6 > right - left) return;
  context.fillStyle = theme.faint;
  context.textAlign = 'center';
  context.fillText(text, middle, PARTS);
  context.textAlign = 'start';
}

function paintNames(input: RulerInput): void {
  const { context, stage, seen, width, top, theme } = input;
  const { names } = stage;
  let reached = 0;
  for (let at = nameFrom(names, stage.axis.pageOf(seen.from)); at < names.length; at += 1) {
    const { first, end, text } = names[at] as NamedPages;
    const start = xOfPage(input, first);
    if (start >= width) break;
    const left = Math.max(0, start);
    const right = Math.min(width, xOfPage(input, end));
    if (right - left < LEAST_NAMED || left < reached) continue;
    const shown = shorten(context, text, right - left - 8);
    if (shown === null) continue;
    paintOutlined(context, theme, shown, left + 5, top + 11);
    reached = left + context.measureText(shown).width + 12;
  }
}

/** As much of a name as there is room for; null where that would say nothing. */
function shorten(context: CanvasRenderingContext2D, text: string, room: number): string | null {
  // All characters of the font are equally wide.
  const fitting = Math.floor(room / context.measureText('0').width);
  if (text.length <= fitting) return text;
  return fitting < LEAST_CHARACTERS ? null : `${text.slice(0, fitting - 1)}…`;
}

/** Text over colours, which are seen around it. */
function paintOutlined(context: CanvasRenderingContext2D, theme: Theme, text: string, x: number, y: number): void {
  context.lineJoin = 'round';
  context.lineWidth = 4;
  context.strokeStyle = theme.background;
  context.strokeText(text, x, y);
  context.fillStyle = theme.text;
  context.fillText(text, x, y);
}
