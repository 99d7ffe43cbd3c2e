import type { GuestView, OpenGuest, RunningGuest } from '../../../src/guest/index.ts';

/** A guest that is open, and what was done to it. */
export interface LoggedGuest extends OpenGuest {
  readonly log: string[];
}

/**
 * A guest that is looked at as `look` says, and whose every look pauses it for 10 ms.
 *
 * @param running - null for one that does not run
 */
export function guestOver(
  look: () => GuestView,
  running: Partial<RunningGuest> | null,
  parts: Partial<OpenGuest> = {},
): LoggedGuest {
  const log: string[] = [];
  return {
    log,
    ...{ endpoint: 'nowhere', vcpus: [0], assumed: [], requireCpu() {} },
    look: async () => {
      log.push('look');
      return look();
    },
    detach: async () => void log.push('leave'),
    running:
      running === null
        ? undefined
        : {
            ...{ ranBefore: true, recoveries: [] },
            get pausedMs() {
              return 10 * log.filter((what) => what === 'look').length;
            },
            live: () => {
              log.push('live');
              return look();
            },
            resume: async () => void log.push('resume'),
            flushTranslations: async () => true,
            findResumption: async () => undefined,
            ...running,
          },
    ...parts,
  };
}
