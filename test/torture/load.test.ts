import { expect } from 'chai';
import { runLoadCase } from '../../scripts/torture/load/load.ts';
import { LOAD_CASES } from '../../scripts/torture/load/load-cases.ts';

/** How often each is done: enough for what is lost in every run to show. */
const COUNTS = [40, 12, 5, 4, 16];

describe('the same thing again and again', function () {
  this.timeout(600_000);

  for (const [at, load] of LOAD_CASES.entries()) {
    it(`${load.name}: nothing grows`, async () => {
      expect((await runLoadCase(load, COUNTS[at])).problems).to.deep.equal([]);
    });
  }
});
