import { expect } from 'chai';
import { factsOf } from '../../../../src/cli/picture/moment-bytes.ts';
import { smallGuest } from '../../../support/builders/small-guest.ts';

describe('cli/factsOf', () => {
  it('is of the whole address space, unless a part was asked for', async () => {
    const view = smallGuest();
    const snapshot = await view.snapshot();
    const look = {
      ...{ endpoint: 'unix:/vm', snapshot, range: {}, assumed: [], areas: null, times: { takenMs: 1, pausedMs: null } },
      space: { cpu: 0, mode: '4-level', cr3: 0x1000n, changes: [], profile: null, nested: null },
    } as unknown as Parameters<typeof factsOf>[0];
    expect(factsOf(look)).to.include({ from: 'unix:/vm', first: 0n, last: 0xffff_ffff_ffff_ffffn });
    expect(factsOf({ ...look, range: { first: 5n, last: 6n } })).to.include({ first: 5n, last: 6n });
  });
});
