import { expect } from 'chai';
import { KillLane } from '../../scripts/torture/kills/kill-lane.ts';
import { KILL_WAYS } from '../../scripts/torture/kills/kill-ways.ts';
import { runInLanes } from '../../scripts/torture/lanes.ts';
import { formatFailure, Tally } from '../../scripts/torture/tally.ts';
import { tortureSeed } from '../support/live/torture-seed.ts';

const CASES = 60;

describe('clients that are killed, interrupted and stopped', function () {
  this.timeout(600_000);

  it(`in ${CASES} cases the guest, the stub, the files and the processes are as before, and the next client is served`, async () => {
    const seed = tortureSeed();
    const tally = new Tally();
    const ways = KILL_WAYS.filter(({ leavesNoProcess }) => leavesNoProcess !== true);
    const cases = Array.from({ length: CASES }, (_, number) => number);
    await runInLanes(
      cases,
      2,
      () => KillLane.open(ways),
      async (number, lane) => tally.add(await lane.run(seed, number)),
    );
    expect(tally.failures.map(formatFailure), `seed ${seed}`).to.deep.equal([]);
    expect(tally.cases).to.equal(CASES);
  });
});
