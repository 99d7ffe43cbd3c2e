import type { Draw } from '../rig/draw.ts';
import type { Direction, Protocol } from '../rig/message-proxy.ts';
import type { Question } from '../rig/questions.ts';
import type { KillWay } from './kill-ways.ts';

/** How a client is told to reach its guest. */
export type Reach = 'QMP and the stub' | 'QMP alone' | 'the stub alone' | 'QMP, and a stub of its own';

/** When the client comes to harm: at a message that a proxy sees, or at any time, with nothing between it and QEMU. */
export type Moment =
  | {
      readonly protocol: Protocol;
      readonly direction: Direction;
      readonly phase: 'before' | 'after';
      readonly part: number;
    }
  | { readonly part: number };

/** A case: all that is drawn of it. */
export interface KillCase {
  readonly question: Question;
  readonly reach: Reach;
  readonly ran: boolean;
  readonly way: KillWay;
  readonly moment: Moment;
}

/** Each with how often it is drawn. */
export type Reaches = readonly (readonly [Reach, number])[];

/** Every way to reach a guest. */
export const REACHES: Reaches = [
  ['QMP and the stub', 4],
  ['QMP alone', 2],
  ['the stub alone', 3],
  ['QMP, and a stub of its own', 3],
];

/** Of the moments, how many are at a message. */
const AT_A_MESSAGE_PERCENT = 70;
/** The ends of a session are where most of it happens that matters. */
const AT_AN_END_PERCENT = 40;

/**
 * Draws a case.
 *
 * @param reaches - how the guest may be reached
 * @param greetsWithStop - up to 8.0 a stub shows whether the guest ran; later it is taken to have run, and said so
 */
export function drawCase(
  draw: Draw,
  questions: readonly Question[],
  ways: readonly KillWay[],
  reaches: Reaches,
  greetsWithStop: boolean,
): KillCase {
  const question = draw.pick(questions);
  const reach = question.needsRunning === true ? 'QMP and the stub' : draw.pickWeighted(reaches);
  const mayBePaused = question.needsRunning !== true && (reach !== 'the stub alone' || greetsWithStop);
  const ran = !mayBePaused || draw.chance(65);
  const way = draw.pickWeighted(ways.map((each) => [each, each.weight] as const));
  return { question, reach, ran, way, moment: drawMoment(draw, reach) };
}

function drawMoment(draw: Draw, reach: Reach): Moment {
  const part = drawPart(draw);
  if (!draw.chance(AT_A_MESSAGE_PERCENT)) return { part: draw.below(1000) / 1000 };
  const protocols: readonly Protocol[] =
    reach === 'QMP and the stub' ? ['qmp', 'gdb'] : reach === 'the stub alone' ? ['gdb'] : ['qmp'];
  return {
    protocol: draw.pick(protocols),
    direction: draw.pick(['up', 'up', 'down']),
    phase: draw.pick(['before', 'after']),
    part,
  };
}

/** Where in a session, from 0 to 1. */
function drawPart(draw: Draw): number {
  const anywhere = draw.below(1000) / 1000;
  if (!draw.chance(AT_AN_END_PERCENT)) return anywhere;
  return draw.chance(40) ? anywhere * 0.15 : 1 - anywhere * 0.2;
}

/** A case in words. */
export function describeCase({ question, reach, ran, way, moment }: KillCase, at: string): string {
  const when = 'protocol' in moment ? `${moment.phase} ${moment.protocol} message ${at}` : `after ${at}`;
  return `${way.name}, ${when}: ${question.name}, by ${reach}, guest ${ran ? 'running' : 'paused'}`;
}
