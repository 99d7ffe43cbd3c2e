import { expect } from 'chai';
import { runInLanes } from '../../scripts/torture/lanes.ts';
import { OTHERS_CASES, runOthersCase } from '../../scripts/torture/others/others.ts';
import { formatFailure, Tally } from '../../scripts/torture/tally.ts';

/** The rest is for `npm run torture -- others`: it takes long. */
const GET_ALONG = /at once|debugger|pauses the guest|every 150|runs on a guest/;

async function expectUnharmed(cases: typeof OTHERS_CASES): Promise<void> {
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
  expect(tally.failures.map(formatFailure)).to.deep.equal([]);
  expect(tally.cases).to.equal(cases.length);
}

describe('others at the guest', function () {
  this.timeout(600_000);

  it('every run state is the same before and after each question', async () => {
    await expectUnharmed(OTHERS_CASES.filter(({ tag }) => tag === 'run states'));
  });

  it('other clients, debuggers and sockets: each gets along with the others', async () => {
    await expectUnharmed(OTHERS_CASES.filter(({ name, tag }) => tag === 'company' && GET_ALONG.test(name)));
  });
});
