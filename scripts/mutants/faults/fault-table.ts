import { lineNumber } from './drawing/draw-faults.ts';
import { FAULT_FLOORS } from './drawing/layers.ts';
import { brokenLine } from './equivalent/equivalent-faults.ts';
import type { TriedFault, Verdict } from './try-fault.ts';

/** How a layer did. */
export interface LayerCount {
  readonly layer: string;
  readonly percent: number;
  readonly noticed: number;
  /** Of those that are noticed: tests that do not come to an end. */
  readonly endless: number;
  readonly missed: number;
}

/** Counts what was tried, by layer; layers without any are left out. */
export function countByLayer(tried: readonly TriedFault[]): LayerCount[] {
  return FAULT_FLOORS.flatMap(({ layer, percent }) => {
    const verdicts = tried.filter(({ floor }) => floor.layer === layer).map(({ verdict }) => verdict);
    const count = (...wanted: readonly Verdict[]): number =>
      verdicts.filter((verdict) => wanted.includes(verdict)).length;
    const noticed = count('noticed', 'no end');
    const missed = count('not noticed', 'no test comes by');
    return noticed + missed === 0 ? [] : [{ layer, percent, noticed, endless: count('no end'), missed }];
  });
}

/** Whether as many are noticed as the floor says. */
export function holdsFloor({ noticed, missed, percent }: LayerCount): boolean {
  return 100 * noticed >= percent * (noticed + missed);
}

/** A layer that just holds its floor has a worse draw in fewer than one of a hundred cases. */
const BY_CHANCE = 0.01;

/**
 * Whether so many that are not noticed may be the chance of a small draw, in a layer that holds its floor: of few faults, one alone
 * says nothing.
 */
export function mayHoldFloor({ noticed, missed, percent }: LayerCount): boolean {
  const drawn = noticed + missed;
  const rate = 1 - percent / 100;
  // The chance of exactly `at`, from the one of none on.
  let chance = (1 - rate) ** drawn;
  let ofFewer = 0;
  for (let at = 0; at < missed; at += 1) {
    ofFewer += chance;
    chance *= ((drawn - at) / (at + 1)) * (rate / (1 - rate));
  }
  return 1 - ofFewer >= BY_CHANCE;
}

export function formatTable(counts: readonly LayerCount[]): string {
  const rows = counts.map(({ layer, percent, noticed, endless, missed }) => {
    const reached = (100 * noticed) / (noticed + missed);
    return `| ${layer} | ${noticed + missed} | ${noticed} | ${endless} | ${reached.toFixed(1)} | ${percent} |`;
  });
  return [
    '| layer | faults | noticed | of them without end | per cent | floor |',
    '|---|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

/** One that is not noticed, with what the list of equivalent faults would have of it. */
export function describeTried({ file, fault, verdict, source }: TriedFault): string {
  const lines = source.split('\n');
  const number = lineNumber(source, fault.start);
  return `${verdict}: ${file}:${number}: ${fault.kind}\n    ${(lines[number - 1] ?? '').trim()}\n    ${brokenLine(source, fault)}`;
}
