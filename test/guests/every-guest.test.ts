import { expect } from 'chai';
import { EVERY_GUEST } from '../support/live/real-guests/every-guest.ts';
import { lookAt } from '../support/live/real-guests/real-guest.ts';

describe('every guest that others wrote', function () {
  this.timeout(900_000);

  for (const real of EVERY_GUEST) {
    it(`${real.name}: the whole map is info tlb's`, async function () {
      const { lines, disagreements, mode } = await lookAt(real);
      if (this.test) this.test.title += ` (${lines} lines)`;
      expect(disagreements).to.deep.equal([]);
      expect(mode).to.equal(real.mode);
      expect(lines).to.be.at.least(real.pages);
    });
  }
});
