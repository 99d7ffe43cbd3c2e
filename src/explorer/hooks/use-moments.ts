import { useCallback, useEffect, useState } from 'preact/hooks';
import { type KeptMoments, keepMoment } from '../../picture/internal.ts';
import type { LoadedMoment } from '../moment/loaded-moment.ts';
import type { MomentFeed } from '../moment/moment-feed.ts';

/** Between the end of one look and the next. */
const INTERVAL_MS = 1000;

/** Moments, and the taking of more of them. @internal */
export interface Moments extends KeptMoments<LoadedMoment> {
  /** A guest runs, and can be looked at again. */
  readonly canTake: boolean;
  /** It is looked at again and again. */
  readonly isPlaying: boolean;
  readonly isBusy: boolean;
  /** Why the last look failed; null where it did not. */
  readonly trouble: string | null;
  show(index: number): void;
  play(isOn: boolean): void;
  /** One more. */
  step(): void;
}

/** @param asked - which one is to be seen, from 1 on; null for the last @internal */
export function useMoments(feed: MomentFeed, first: readonly LoadedMoment[], asked: number | null): Moments {
  const [kept, setKept] = useState<KeptMoments<LoadedMoment>>(() => ({
    moments: first,
    index: Math.min(asked ?? first.length, first.length) - 1,
    dropped: 0,
  }));
  const [isPlaying, setPlaying] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState<string | null>(null);

  const { next } = feed;
  const step = useCallback(() => {
    if (next === null) return;
    setBusy(true);
    next().then(
      (taken) => {
        setKept((old) => keepMoment(old, taken));
        setTrouble(null);
        setBusy(false);
      },
      (error: unknown) => {
        setTrouble(error instanceof Error ? error.message : String(error));
        setPlaying(false);
        setBusy(false);
      },
    );
  }, [next]);

  useEffect(() => {
    if (!isPlaying || isBusy) return;
    const timer = setTimeout(step, INTERVAL_MS);
    return () => clearTimeout(timer);
  }, [isPlaying, isBusy, step]);

  return {
    ...kept,
    canTake: next !== null,
    isPlaying,
    isBusy,
    trouble,
    show: (index) => setKept((old) => ({ ...old, index })),
    play: setPlaying,
    step,
  };
}
