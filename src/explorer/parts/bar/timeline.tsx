import type { Moments } from '../../hooks/use-moments.ts';
import type { ViewState } from '../../view/link.ts';
import { describePause, formatMs, totalPausedMs } from './describe-pause.ts';
import { formatTime } from './format-time.ts';

interface TimelineProps {
  readonly moments: Moments;
  readonly compared: ViewState['compared'];
  /** Where changes are not shown. */
  readonly isPhysical: boolean;
  readonly onCompare: (compared: ViewState['compared']) => void;
  readonly onPlay: (isOn: boolean) => void;
}

/** Moments: which one is seen, what it is compared with, and for how long the guest was paused for it. @internal */
export function Timeline({ moments, compared, isPhysical, onCompare, onPlay }: TimelineProps) {
  const { moments: all, index, dropped, canTake, isPlaying, isBusy } = moments;
  const moment = all[index];
  if (moment === undefined || (all.length < 2 && !canTake)) return null;
  const { takenAtMs, pause } = moment.heading;
  const total = totalPausedMs(all.map(({ heading }) => heading.pause));
  // The first one is kept: what was dropped is between it and the second.
  const number = index === 0 ? 1 : index + 1 + dropped;
  return (
    <fieldset class="timeline" aria-label="Moments">
      {canTake && (
        <button
          type="button"
          onClick={() => onPlay(!isPlaying)}
          aria-pressed={isPlaying}
          title="Look once a second (Space)"
        >
          {isPlaying ? '❚❚ pause' : '▶ play'}
        </button>
      )}
      {canTake && (
        <button type="button" onClick={moments.step} disabled={isBusy || isPlaying} title="Look once (.)">
          step
        </button>
      )}
      <button
        type="button"
        aria-label="The moment before"
        disabled={index === 0}
        onClick={() => moments.show(index - 1)}
      >
        ◀
      </button>
      <input
        type="range"
        aria-label="Moment"
        min={0}
        max={all.length - 1}
        value={index}
        onInput={(event) => moments.show(Number(event.currentTarget.value))}
      />
      <button
        type="button"
        aria-label="The moment after"
        disabled={index === all.length - 1}
        onClick={() => moments.show(index + 1)}
      >
        ▶
      </button>
      <span>
        {number} of {all.length + dropped}
        {takenAtMs === null ? '' : `, ${formatTime(takenAtMs)}`}
        {dropped === 0 ? '' : `; 2 to ${dropped + 1} are not kept`}
      </span>
      <label>
        changes since{' '}
        <select
          value={compared}
          disabled={isPhysical}
          onChange={(event) => onCompare(event.currentTarget.value as ViewState['compared'])}
        >
          <option value="no">none</option>
          <option value="last">the moment before</option>
          <option value="first">the first moment</option>
        </select>
      </label>
      <span class="note" role="status">
        {isBusy ? 'looking…' : pause === null ? '' : describePause(pause)}
        {!isBusy && total > 0 && all.length > 1 ? `, for all that are kept ${formatMs(total)}` : ''}
      </span>
    </fieldset>
  );
}
