import { expect } from 'chai';
import { expectNone, expectNoWritableExecutable, expectRights } from '../../../../src/testing/index.ts';
import { DATA, mapSmall, NOTHING, TEXT, USER } from '../../../support/builders/small-guest.ts';

describe('expectations of a map', () => {
  it('hold where they are true', async () => {
    expectNoWritableExecutable(await mapSmall(TEXT, DATA + 0xfffn));
    expectNone(await mapSmall(), 'userAccessibleInUpperHalf');
    expectNone(await mapSmall(NOTHING, NOTHING + 0xfffn), 'pages');
    expectRights(await mapSmall(), 'r-x-', { first: TEXT, last: TEXT + 0xfffn });
  });

  it('fail with the ranges, as map prints them', async () => {
    const map = await mapSmall();
    expect(() => expectNoWritableExecutable(map)).to.throw(
      [
        'expected the map',
        'to have no writable and executable pages,',
        'but it has 1 range',
        '',
        '4-level paging, CR3 0x1000, vCPU 0',
        'linear addresses                         size  rights',
        '    pages, accessed, dirty; where they lead',
        '0x0000000000003000-0x0000000000003fff      4K  rwx-  1x4K A=0 D=0',
        '    → 0xc000-0xcfff RAM memory',
      ].join('\n'),
    );
    expect(() => expectNone(map, 'userAccessible')).to.throw('user-accessible pages,\nbut it has 1 range');
    expect(() => expectRights(map, 'r-x-')).to.throw(
      'to be r-x- from 0x0 to 0xffffffff,\nbut it has 3 ranges with other rights',
    );
    expect(() => expectRights(map, 'r-x-', { first: NOTHING, last: NOTHING })).to.throw(
      /but nothing is mapped there\n\n4-level paging, CR3 0x1000, vCPU 0$/,
    );
  });

  it('shows ten ranges, and how many more there are', async () => {
    const map = await mapSmall(USER, USER + 0xfffn);
    const [range] = map.ranges;
    if (range === undefined) throw new Error('no range');
    const long = { ...map, ranges: new Array(12).fill(range) };
    expect(() => expectNone(long, 'pages')).to.throw('… and 2 more');
  });

  it('does not take an incomplete map for one that has nothing', async () => {
    const map = { ...(await mapSmall(NOTHING, NOTHING)), complete: false };
    expect(() => expectNone(map, 'pages')).to.throw('the map is incomplete');
    expect(() => expectRights({ ...map, ranges: [] }, 'r-x-')).to.throw('nothing is mapped there');
  });
});
