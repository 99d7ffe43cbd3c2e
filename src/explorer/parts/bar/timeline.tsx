import { useEffect } from 'preact/hooks';
import type { LoadedMoment } from '../moment/loaded-moment.ts';

interface TimelineProps {
  readonly moments: readonly LoadedMoment[];
  readonly index: number;
  readonly compared: 'no' | 'last' | 'first';
  readonly canTake: boolean;
  readonly isPlaying: boolean;
  readonly isBusy: boolean;
  readonly onShow: (index: number) => void;
  readonly onCompare: (compared: TimelineProps['compared']) => void;
  readonly onPlay: (isPlaying: boolean) => void;
  readonly onStep: () => void;
}

/** Between the end of one look and the next. */
const INTERVAL_MS = 1000;

/** Moments: which one is seen, what it is compared with, and for how long the guest was paused for it. @internal */
export function Timeline(props: TimelineProps) {
  const { moments, index, compared, canTake, isPlaying, isBusy, onShow, onCompare, onPlay, onStep } = props;
  useEffect(() => {
    if (!isPlaying || isBusy) return;
    const timer = setTimeout(onStep, INTERVAL_MS);
    return () => clearTimeout(timer);
  }, [isPlaying, isBusy, moments, onStep]);
  const moment = moments[index];
  if (moment === undefined || (moments.length < 2 && !canTake)) return null;
  const { takenAtMs, pausedMs } = moment.heading;
  const paused = moments.reduce((sum, { heading }) => sum + (heading.pausedMs ?? 0), 0);
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
        <button type="button" onClick={onStep} disabled={isBusy || isPlaying} title="Look once (.)">
          step
        </button>
      )}
      <button type="button" aria-label="The moment before" disabled={index === 0} onClick={() => onShow(index - 1)}>
        ◀
      </button>
      <input
        type="range"
        aria-label="Moment"
        min={0}
        max={moments.length - 1}
        value={index}
        onInput={(event) => onShow(Number(event.currentTarget.value))}
      />
      <button
        type="button"
        aria-label="The moment after"
        disabled={index === moments.length - 1}
        onClick={() => onShow(index + 1)}
      >
        ▶
      </button>
      <span>
        {index + 1} of {moments.length}, {new Date(takenAtMs).toLocaleTimeString()}
      </span>
      <label>
        changes since{' '}
        <select
          value={compared}
          onChange={(event) => onCompare(event.currentTarget.value as TimelineProps['compared'])}
        >
          <option value="no">none</option>
          <option value="last">the moment before</option>
          <option value="first">the first moment</option>
        </select>
      </label>
      <span class="note" role="status">
        {isBusy
          ? 'looking…'
          : pausedMs === null
            ? 'the guest was not paused'
            : `the guest was paused for ${pausedMs.toFixed(1)} ms, for all moments ${paused.toFixed(1)} ms`}
      </span>
    </fieldset>
  );
}
