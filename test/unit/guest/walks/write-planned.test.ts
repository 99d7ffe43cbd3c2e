import { expect } from 'chai';
import { GuestUsageError } from '../../../../src/guest/index.ts';
import { writePlanned } from '../../../../src/guest/walks/write-planned.ts';
import { planBits, translate } from '../../../../src/paging/index.ts';
import { openNpt, twoStageLinear } from '../../../support/builders/hand-made-stages.ts';
import { nestedSpace } from '../../../support/builders/nested-space.ts';
import { expectRejection } from '../../../support/expect-rejection.ts';
import { vcpuStateWith } from '../../../support/fakes/sourced-state.ts';

const WRITE = { write: true, user: false, exec: false };
const ALL_BITS = { setAccessed: true, setDirty: true, forceSetAccessed: false };

describe('writePlanned', () => {
  const entries = { '0x1120': 0x2007n, '0x2688': 0x3007n, '0x3598': 0x4007n, '0x4c48': 0x5007n };
  const made = nestedSpace(vcpuStateWith(), { ...openNpt, ...entries });
  const { space, memory } = made;
  const readEntry = (address: bigint): bigint => BigInt(memory.entry(Number(address)));
  const planned = planBits(translate(space.context, { readEntry }, twoStageLinear, WRITE), ALL_BITS);

  it('sets nothing, and needs nothing that can be written, where nothing was planned', async () => {
    const outcomes = await writePlanned([], { ...space, writable: undefined });
    expect([...outcomes]).to.deep.equal([]);
  });

  it('refuses what was planned for memory that is only read', async () => {
    const refusal = await expectRejection(writePlanned(planned, { ...space, writable: undefined }));
    expect(refusal).to.be.instanceOf(GuestUsageError);
    expect(refusal.message).to.equal(
      'accessed and dirty bits can be set only in a guest that is paused, or in memory that can be written',
    );
  });

  it('says of each entry what became of it', async () => {
    expect(planned.map(({ address }) => address)).to.deep.equal([0x1120n, 0x2688n, 0x3598n, 0x4c48n]);
    memory.setEntry(0x2688, 0x3207n);
    memory.stubborn.add(0x3598);
    expect([...(await writePlanned(planned, space))]).to.have.deep.members([
      [0x1120n, 'written'],
      [0x2688n, 'changed'],
      [0x3598n, 'not-taken'],
      [0x4c48n, 'written'],
    ]);
    expect([0x1120, 0x2688, 0x3598, 0x4c48].map((address) => memory.entry(address))).to.deep.equal([
      ...['0x2027', '0x3207', '0x4007', '0x5067'],
    ]);
  });
});
