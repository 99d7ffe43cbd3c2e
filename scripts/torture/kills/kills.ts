import { runInLanes } from '../lanes.ts';
import type { Suite } from '../scenario.ts';
import { KillLane } from './kill-lane.ts';

const USUAL_COUNT = 500;

/** Clients that are killed, interrupted and stopped, at every message of a session and at random moments. */
export const kills: Suite = {
  name: 'kills',
  summary: 'clients killed, interrupted and stopped at messages and at random moments; 500 cases',
  async run({ seed, count = USUAL_COUNT, only, lanes, report }) {
    const cases = only === undefined ? Array.from({ length: count }, (_, number) => number) : [only];
    await runInLanes(
      cases,
      lanes,
      () => KillLane.open(),
      async (number, lane) => report(await lane.run(seed, number)),
    );
  },
};
