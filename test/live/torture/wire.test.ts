import { expect } from 'chai';
import { runInLanes } from '../../../scripts/torture/lanes.ts';
import { formatFailure, Tally } from '../../../scripts/torture/tally.ts';
import { EVENT_ORDERS } from '../../../scripts/torture/wire/event-orders.ts';
import { FAULT_KINDS } from '../../../scripts/torture/wire/wire.ts';
import { WireLane } from '../../../scripts/torture/wire/wire-lane.ts';
import { isOtherQemu, tortureSeed } from '../../support/live/torture-seed.ts';

/** Twice as many in the gate's first round as in the one on another QEMU. */
const CASES = isOtherQemu() ? 16 : 32;

describe('what travels between a client and QEMU', function () {
  this.timeout(600_000);

  it(`breaks, stalls, lies or is damaged, ${CASES} times: a right answer or a clear error, and the guest as before`, async () => {
    const seed = tortureSeed();
    const tally = new Tally();
    await runInLanes(
      Array.from({ length: CASES }, (_, number) => number),
      2,
      () => WireLane.open(),
      async (number, lane) => tally.add(await lane.run(seed, number, FAULT_KINDS)),
    );
    expect(tally.failures.map(formatFailure), `seed ${seed}`).to.deep.equal([]);
    expect(tally.cases).to.equal(CASES);
  });

  it('comes in any order around a pause: the answer is right, and the guest as before', async () => {
    const tally = new Tally();
    const cases = EVENT_ORDERS.flatMap((order) => [true, false].map((ran) => ({ order, ran })));
    await runInLanes(
      cases.map((_, number) => number),
      2,
      () => WireLane.open(),
      async (number, lane) => {
        const found = cases[number];
        if (found === undefined) return;
        const { order, ran } = found;
        const question = lane.question(number % 3 === 0 ? 'batch that sets bits' : 'translate');
        const fault = { what: order.what, disturbance: order.make(), mustAnswer: true };
        const reach = 'QMP and the stub';
        tally.add(
          await lane.do(
            { question, reach, ran, kind: order.what, fault, briefly: true },
            `orders --named '${order.what}'`,
          ),
        );
      },
    );
    expect(tally.failures.map(formatFailure)).to.deep.equal([]);
    expect(tally.cases).to.equal(2 * EVENT_ORDERS.length);
  });
});
