import { expect } from 'chai';
import { namesOfAreas } from '../../../../src/cli/picture/names-of-areas.ts';
import { AreaMap, type LinuxArea } from '../../../../src/linux/internal.ts';

describe('cli/namesOfAreas', () => {
  it('has the places of areas, and their names as all reports have them', () => {
    const areas: readonly LinuxArea[] = [
      { kind: 'file', name: '/bin/sh', first: 0x1000n, last: 0x1fffn },
      { kind: 'stack', name: null, first: 0x3000n, last: 0x4fffn },
    ];
    expect(namesOfAreas(new AreaMap([areas]))).to.deep.equal([
      { first: 0x1000n, last: 0x1fffn, text: '/bin/sh' },
      { first: 0x3000n, last: 0x4fffn, text: '[stack]' },
    ]);
    expect(namesOfAreas(null)).to.deep.equal([]);
  });

  it('has no more than a picture is read by', () => {
    const areas = Array.from({ length: 20_001 }, (_, at): LinuxArea => {
      const first = BigInt(at) * 0x2000n;
      return { kind: 'file', name: `/lib/${at}`, first, last: first + 0xfffn };
    });
    const names = namesOfAreas(new AreaMap([areas]));
    expect([names.length, names.at(-1)?.text]).to.deep.equal([20_000, '/lib/19999']);
    expect(namesOfAreas(new AreaMap([areas.slice(1)]))).to.have.length(20_000);
  });
});
