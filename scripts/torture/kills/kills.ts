import { choose } from '../choose.ts';
import { runInLanes } from '../lanes.ts';
import type { Suite } from '../scenario.ts';
import { KillLane } from './kill-lane.ts';
import { KILL_WAYS } from './kill-ways.ts';

const USUAL_COUNT = 500;

/** Clients that are killed, interrupted and stopped, at every message of a session and at random moments. */
export const kills: Suite = {
  name: 'kills',
  summary: 'clients killed, interrupted and stopped; 500 cases. --named TEXT: only such ways',
  async run({ seed, count = USUAL_COUNT, only, named, lanes, report }) {
    const ways = choose({ what: 'way of coming to harm', all: KILL_WAYS, nameOf: ({ name }) => name, named });
    const cases = only === undefined ? Array.from({ length: count }, (_, number) => number) : [only];
    await runInLanes(
      cases,
      lanes,
      () => KillLane.open(ways),
      async (number, lane) => report(await lane.run(seed, number)),
    );
  },
};
