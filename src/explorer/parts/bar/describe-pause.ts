import type { MomentPause } from '../../../picture/internal.ts';

/** What a look has done to the guest, in words. @internal */
export function describePause(pause: MomentPause): string {
  if (pause.kind === 'live') return 'the guest was not paused';
  if (pause.kind === 'paused-before') return 'the guest was paused before';
  return `the guest was paused for at most ${formatMs(pause.atMostMs)}`;
}

/** For how long a guest was paused for several looks; 0 where it was not. @internal */
export function totalPausedMs(pauses: readonly (MomentPause | null)[]): number {
  return pauses.reduce((sum, pause) => sum + (pause?.kind === 'paused' ? pause.atMostMs : 0), 0);
}

/** @internal */
export function formatMs(ms: number): string {
  return ms < 100 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}
