import { expect } from 'chai';
import { runInLanes } from '../../../scripts/torture/lanes.ts';
import { OTHERS_CASES, runOthersCase } from '../../../scripts/torture/others/others.ts';
import { Draw } from '../../../scripts/torture/rig/draw.ts';
import { formatFailure, Tally } from '../../../scripts/torture/tally.ts';
import { isOtherQemu, tortureSeed } from '../../support/live/torture-seed.ts';

const INTERVENTIONS = isOtherQemu() ? 6 : 10;

async function expectUnharmed(cases: typeof OTHERS_CASES, note = ''): Promise<void> {
  const tally = new Tally();
  const none = async (): Promise<AsyncDisposable> => ({ [Symbol.asyncDispose]: async () => {} });
  await runInLanes(
    cases.map((_, number) => number),
    2,
    none,
    async (number) => {
      const found = cases[number];
      if (found !== undefined) tally.add(await runOthersCase(found));
    },
  );
  expect(tally.failures.map(formatFailure), note).to.deep.equal([]);
  expect(tally.cases).to.equal(cases.length);
}

describe('others at the guest', function () {
  this.timeout(600_000);

  it('every run state is the same before and after each question', async () => {
    await expectUnharmed(OTHERS_CASES.filter(({ tag }) => tag === 'run states'));
  });

  it('other clients, debuggers and sockets: each gets along with the others', async () => {
    await expectUnharmed(OTHERS_CASES.filter(({ tag }) => tag === 'company'));
  });

  it('the machine is reset, migrated, changed or ended in the middle of a question', async () => {
    const seed = tortureSeed();
    const draw = new Draw(seed);
    const all = OTHERS_CASES.filter(({ tag }) => tag.startsWith('in the middle'));
    await expectUnharmed(
      Array.from({ length: INTERVENTIONS }, () => draw.pick(all)),
      `seed ${seed}`,
    );
  });
});
