import type { Random } from '../../../bench/guests/random.ts';
import { isEquivalent } from '../equivalent/equivalent-faults.ts';
import type { ChangedLines } from './changed-lines.ts';
import { type Fault, findFaults } from './find-faults.ts';
import type { FaultFloor } from './layers.ts';

/** A fault that is going to be tried. */
export interface DrawnFault {
  readonly floor: FaultFloor;
  /** Below dist. */
  readonly file: string;
  /** Of the file, without it. */
  readonly source: string;
  readonly fault: Fault;
}

/** What was drawn, and what was passed over as it changes nothing. */
export interface Drawn {
  readonly faults: readonly DrawnFault[];
  readonly equivalent: number;
}

/** From 1, as editors count. */
export function lineNumber(source: string, offset: number): number {
  return source.slice(0, offset).split('\n').length;
}

/** Draws so many faults of a layer's files, each at most once. */
export function drawFaults(
  random: Random,
  floor: FaultFloor,
  files: readonly (readonly [file: string, source: string])[],
  count: number,
  changed: ChangedLines | null,
): Drawn {
  const all = files.flatMap(([file, source]) => {
    const isChanged = changed?.of(file) ?? (() => true);
    return findFaults(source)
      .filter(({ start }) => {
        const column = start - source.lastIndexOf('\n', start - 1) - 1;
        return isChanged(lineNumber(source, start) - 1, column);
      })
      .map((fault): DrawnFault => ({ floor, file, source, fault }));
  });
  random.shuffle(all);
  const faults: DrawnFault[] = [];
  let equivalent = 0;
  for (const drawn of all) {
    if (faults.length === count) break;
    if (isEquivalent(drawn.file, drawn.source, drawn.fault)) equivalent += 1;
    else faults.push(drawn);
  }
  return { faults, equivalent };
}
