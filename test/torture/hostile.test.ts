import { expect } from 'chai';
import { HostileLane } from '../../scripts/torture/hostile/hostile-lane.ts';
import { HOSTILE_SCENARIOS } from '../../scripts/torture/hostile/scenarios.ts';
import { runInLanes } from '../../scripts/torture/lanes.ts';
import { formatFailure, Tally } from '../../scripts/torture/tally.ts';

describe('a hostile peer', function () {
  this.timeout(600_000);

  it('gets nothing of the client’s host, and holds nothing up, whatever it says', async () => {
    const tally = new Tally();
    await runInLanes(
      HOSTILE_SCENARIOS.map((_, number) => number),
      2,
      () => HostileLane.open(),
      async (number, lane) => {
        const scenario = HOSTILE_SCENARIOS[number];
        if (scenario !== undefined) tally.add(await lane.run(scenario));
      },
    );
    expect(tally.failures.map(formatFailure)).to.deep.equal([]);
    expect(tally.cases).to.equal(HOSTILE_SCENARIOS.length);
  });
});
