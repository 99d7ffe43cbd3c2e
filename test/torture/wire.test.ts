import { expect } from 'chai';
import { runInLanes } from '../../scripts/torture/lanes.ts';
import { formatFailure, Tally } from '../../scripts/torture/tally.ts';
import { EVENT_ORDERS } from '../../scripts/torture/wire/event-orders.ts';
import { FAULT_KINDS } from '../../scripts/torture/wire/wire.ts';
import { WireLane } from '../../scripts/torture/wire/wire-lane.ts';
import { tortureSeed } from '../support/live/torture-seed.ts';

const LANES = 2;

/** Runs cases on guests of their own, and expects that nothing came to harm. */
async function expectUnharmed<Case>(
  cases: readonly Case[],
  run: (lane: WireLane, each: Case, number: number) => ReturnType<WireLane['do']>,
  what: string,
): Promise<void> {
  const tally = new Tally();
  await runInLanes(
    cases.map((_, number) => number),
    LANES,
    () => WireLane.open(),
    async (number, lane) => {
      const each = cases[number];
      if (each !== undefined) tally.add(await run(lane, each, number));
    },
  );
  expect(tally.failures.map(formatFailure), what).to.deep.equal([]);
  expect(tally.cases).to.equal(cases.length);
}

describe('what travels between a client and QEMU', function () {
  this.timeout(600_000);

  it('breaks, stalls, lies or is damaged, one of each kind: a right answer or a clear error, and the guest as before', async () => {
    const seed = tortureSeed();
    await expectUnharmed(FAULT_KINDS, (lane, kind, number) => lane.run(seed, number, [kind]), `seed ${seed}`);
  });

  it('comes in any order around a pause: the answer is right, and the guest as before', async () => {
    await expectUnharmed(
      EVENT_ORDERS,
      (lane, order, number) => {
        const question = lane.question(number % 3 === 0 ? 'batch that sets bits' : 'translate');
        const fault = { what: order.what, disturbance: order.make(), harmed: [], mustAnswer: true };
        const each = { question, reach: 'QMP and the stub', ran: number % 4 !== 3, kind: order.what, fault } as const;
        return lane.do({ ...each, briefly: true }, `orders --named '${order.what}'`);
      },
      'every order',
    );
  });
});
