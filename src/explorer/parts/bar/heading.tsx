import type { PagingMode } from '../../../paging/index.ts';
import { formatHex } from '../../../paging/index.ts';
import type { MomentHeading } from '../../../picture/internal.ts';
import { formatMode, formatOwner } from '../../../report/index.ts';
import { describePause } from './describe-pause.ts';

interface HeadingProps {
  readonly heading: MomentHeading;
  /** Which says for how long the guest was paused. */
  readonly hasTimeline: boolean;
}

/** What this is a picture of. @internal */
export function Heading({ heading, hasTimeline }: HeadingProps) {
  return (
    <h1>
      {heading.from} <small>{factsOf(heading, hasTimeline).join(', ')}</small>
    </h1>
  );
}

function factsOf({ mode, space, cpu, takenAtMs, pause }: MomentHeading, hasTimeline: boolean): readonly string[] {
  const changes = space?.changes ?? [];
  const owner = space?.owner ? ` (${formatOwner(space.owner)})` : '';
  return [
    formatMode(mode as PagingMode),
    ...(space === null || mode === 'off' ? [] : [`CR3 ${formatHex(space.cr3)}${owner}`]),
    ...(cpu === null ? [] : [`vCPU ${cpu}`]),
    ...(changes.length === 0 ? [] : [`if ${changes.join(' and ')}`]),
    ...(takenAtMs === null ? [] : [new Date(takenAtMs).toLocaleString()]),
    ...(pause === null || hasTimeline ? [] : [describePause(pause)]),
  ];
}
