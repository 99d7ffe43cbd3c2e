import type { PagingMode } from '../../../paging/index.ts';
import { formatHex } from '../../../paging/index.ts';
import { formatMode, formatOwner } from '../../../report/index.ts';
import type { LoadedMoment } from '../../moment/loaded-moment.ts';
import { describePause } from './describe-pause.ts';
import { formatTime } from './format-time.ts';

interface HeadingProps {
  readonly moment: LoadedMoment;
  /** Which says for how long the guest was paused. */
  readonly hasTimeline: boolean;
}

/** What this is a picture of. @internal */
export function Heading({ moment, hasTimeline }: HeadingProps) {
  return (
    <h1>
      {moment.heading.from} <small>{factsOf(moment, hasTimeline).join(', ')}</small>
    </h1>
  );
}

function factsOf({ heading, secondStage }: LoadedMoment, hasTimeline: boolean): readonly string[] {
  const { mode, space, cpu, takenAtMs, pause } = heading;
  const changes = space?.changes ?? [];
  const owner = space?.owner ? ` (${formatOwner(space.owner)})` : '';
  return [
    formatMode(mode as PagingMode),
    ...(space === null || mode === 'off' ? [] : [`CR3 ${formatHex(space.cr3)}${owner}`]),
    ...(cpu === null ? [] : [`vCPU ${cpu}`]),
    ...(secondStage === null ? [] : [`second stage ${secondStage}`]),
    ...(changes.length === 0 ? [] : [`if ${changes.join(' and ')}`]),
    ...(takenAtMs === null ? [] : [formatTime(takenAtMs)]),
    ...(pause === null || hasTimeline ? [] : [describePause(pause)]),
  ];
}
