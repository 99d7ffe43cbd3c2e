import { expect } from 'chai';
import { launchQemu } from '../../../src/testing/index.ts';
import { Witness } from '../../support/live/guest/witness.ts';
import { bootLinux } from '../../support/live/linux/linux-guest.ts';
import { lookAt } from '../../support/live/real-guests/real-guest.ts';
import { runPagewalk } from '../../support/live/run-pagewalk.ts';

describe('guests that others wrote', function () {
  this.timeout(400_000);

  for (const [mode, cpu] of [
    ['4-level', 'max,la57=off'],
    ['5-level', 'max'],
  ] as const) {
    it(`Debian's cloud kernel, ${mode}, with page-table isolation: the whole map is info tlb's`, async () => {
      const launch = async () => (await bootLinux('6.1-cloud', 'pti=on', { cpu })).guest;
      const { lines, disagreements, ...rest } = await lookAt({ name: mode, mode, launch, pages: 3000 });
      expect(disagreements).to.deep.equal([]);
      expect(rest.mode).to.equal(mode);
      expect(lines).to.be.above(rest.pagesWanted);
    });
  }

  it('SeaBIOS alone: no paging, as the monitor says, and identity', async () => {
    await using guest = await launchQemu({ memory: '64M' });
    await using witness = await Witness.of(guest);
    expect(await witness.hmp('info tlb')).to.match(/^PG disabled/);
    const { status, stdout } = await runPagewalk(['map', '--qmp', guest.qmpEndpoint]);
    expect(status).to.equal(0);
    expect(stdout).to.match(/paging off/i);
  });
});
