import type { Pieces } from '../pieces/pieces.ts';
import type { Coloured } from './colourings.ts';
import { COLOURS } from './colours.ts';
import { MAPPED } from './physical-order.ts';

const TIMES = [
  { label: 'mapped once', colour: COLOURS.readOnly },
  { label: 'mapped twice', colour: COLOURS.userExecute },
  { label: 'mapped three times or more', colour: COLOURS.write },
  { label: 'mapped writable here and executable there', colour: COLOURS.writeExecute, isAlarming: true },
] as const;

const WHOSE = [
  { label: 'by supervisor pages alone', colour: COLOURS.execute },
  { label: 'by user pages alone', colour: COLOURS.userWrite },
  { label: 'by both', colour: COLOURS.green },
] as const;

/** The ways to colour physical memory. @internal */
export const PHYSICAL_COLOURINGS: readonly {
  readonly id: string;
  readonly label: string;
  readonly explanation: string;
  colour(pieces: Pieces): Coloured;
}[] = [
  {
    id: 'times',
    label: 'How often mapped',
    explanation: 'by how many linear pages, and whether one of them may write what another one may execute',
    colour: (pieces) => ({ classes: TIMES, of: eachOf(pieces, timesClass) }),
  },
  {
    id: 'whose',
    label: 'By whom',
    explanation: 'by supervisor pages, by user pages, or by both',
    colour: (pieces) => ({ classes: WHOSE, of: eachOf(pieces, whoseClass) }),
  },
];

function eachOf(pieces: Pieces, classOf: (pieces: Pieces, at: number) => number): Uint8Array {
  const of = new Uint8Array(pieces.length);
  for (let at = 0; at < pieces.length; at += 1) of[at] = classOf(pieces, at);
  return of;
}

function timesClass({ classes, leaves }: Pieces, at: number): number {
  const isBoth = MAPPED.writable | MAPPED.executable;
  if (((classes[at] as number) & isBoth) === isBoth) return 3;
  return Math.min(leaves[at] as number, 3) - 1;
}

function whoseClass({ classes }: Pieces, at: number): number {
  const { user, supervisor } = MAPPED;
  const whose = (classes[at] as number) & (user | supervisor);
  return whose === supervisor ? 0 : whose === user ? 1 : 2;
}
