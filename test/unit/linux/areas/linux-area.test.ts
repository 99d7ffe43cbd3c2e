import { expect } from 'chai';
import { AreaMap, type LinuxArea } from '../../../../src/linux/areas/linux-area.ts';

const area = (kind: LinuxArea['kind'], first: bigint, last: bigint, name: string | null = null): LinuxArea => ({
  kind,
  name,
  first,
  last,
});

describe('linux/AreaMap', () => {
  const map = new AreaMap([
    [area('module', 0x3000n, 0x3fffn, 'fuse'), area('module', 0x5000n, 0x5fffn, 'loop')],
    [area('modules', 0x2000n, 0x7fffn)],
    [area('image', 0x0n, 0x2fffn), area('fixmap', 0x9000n, 0x9fffn)],
  ]);
  const shown = (first: bigint, last: bigint): string[] => {
    const { areas, more } = map.over(first, last);
    return [...areas.map(({ kind, name }) => name ?? kind), ...(more === 0 ? [] : [`${more} more`])];
  };

  it('lets the more special layer count where layers overlap', () => {
    expect(
      map.areas.map(({ kind, name, first, last }) => `${first.toString(16)}-${last.toString(16)} ${name ?? kind}`),
    ).to.deep.equal([
      '0-1fff image',
      '2000-2fff modules',
      '3000-3fff fuse',
      '4000-4fff modules',
      '5000-5fff loop',
      '6000-7fff modules',
      '9000-9fff fixmap',
    ]);
  });

  it('tells each kind once, and counts what is more', () => {
    expect(shown(0x4000n, 0x6fffn)).to.deep.equal(['modules', 'loop']);
    expect(shown(0x1000n, 0x9000n)).to.deep.equal(['image', 'modules', 'fuse', 'loop', '1 more']);
    expect(shown(0x8000n, 0x8fffn)).to.deep.equal([]);
    const many = new AreaMap([
      Array.from({ length: 40 }, (_, at) =>
        area('file', BigInt(0x1000 * at), BigInt(0x1000 * at + 0xfff), `/lib/${at % 6}`),
      ),
    ]);
    expect(many.over(0n, 0xf_ffffn)).to.include({ more: 2 });
  });

  it('knows what an address lies in', () => {
    expect([0x2fffn, 0x3000n, 0x8000n, 0x9fffn, 0xa000n].map((address) => map.at(address)?.kind)).to.deep.equal([
      'modules',
      'module',
      undefined,
      'fixmap',
      undefined,
    ]);
  });

  it('takes the first of areas that overlap in one layer, as damaged lists have them', () => {
    const damaged = new AreaMap([
      [area('heap', 0n, 0x2fffn), area('stack', 0x1000n, 0x3fffn), area('heap', 0x1000n, 0x1fffn)],
    ]);
    expect(damaged.areas.map(({ kind, first, last }) => [kind, first, last])).to.deep.equal([
      ['heap', 0n, 0x2fffn],
      ['stack', 0x3000n, 0x3fffn],
    ]);
  });
});
