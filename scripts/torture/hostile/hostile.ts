import { choose } from '../choose.ts';
import { runInLanes } from '../lanes.ts';
import type { Suite } from '../scenario.ts';
import { HostileLane } from './hostile-lane.ts';
import { canBeStranger } from './hostile-peer.ts';
import { HOSTILE_SCENARIOS } from './scenarios.ts';

/** Peers of another user that lie to a client, which is root where this is. */
export const hostile: Suite = {
  name: 'hostile',
  summary: 'peers that lie, to take files, sockets and time that are not theirs; as root, of another user',
  async run({ only, named, lanes, report }) {
    if (!canBeStranger())
      process.stdout.write('hostile: not root, so that peers are of the same user and may do more\n');
    const chosen = choose({ what: 'scenario', all: HOSTILE_SCENARIOS, nameOf: ({ name }) => name, named, only });
    await runInLanes(
      chosen.map((_, number) => number),
      lanes,
      () => HostileLane.open(),
      async (number, lane) => {
        const scenario = chosen[number];
        if (scenario !== undefined) report(await lane.run(scenario));
      },
    );
  },
};
