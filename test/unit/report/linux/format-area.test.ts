import { expect } from 'chai';
import { formatArea, formatAreas } from '../../../../src/report/index.ts';
import { areaFields } from '../../../../src/report/linux/format-area.ts';

const HEAP = { kind: 'heap', name: null } as const;
const FILE = { kind: 'file', name: '/bin/busy\u001bbox' } as const;

describe('report/formatArea', () => {
  it('names files and special areas as they are called, modules by their name, all others by a word', () => {
    expect(
      [
        HEAP,
        FILE,
        { kind: 'file', name: null },
        { kind: 'special', name: '[vdso]' },
        { kind: 'module', name: 'fuse' },
        { kind: 'module', name: null },
        { kind: 'direct-map', name: null },
      ].map((area) => formatArea(area as Parameters<typeof formatArea>[0])),
    ).to.deep.equal(['[heap]', '/bin/busy\\x1bbox', 'a file', '[vdso]', 'module fuse', 'module ', 'direct map']);
  });

  it('counts those that are not named', () => {
    expect(formatAreas({ areas: [HEAP, { kind: 'anonymous', name: null }], more: 3 })).to.equal(
      '[heap], anonymous, 3 more',
    );
    expect(formatAreas({ areas: [HEAP], more: 0 })).to.equal('[heap]');
    expect(formatAreas({ areas: [], more: 0 })).to.equal('');
  });

  it('gives JSON its kind and name, and how many more there are only where there are', () => {
    expect(areaFields(null)).to.deep.equal({});
    expect(areaFields({ areas: [HEAP, FILE], more: 0 })).to.deep.equal({ areas: [HEAP, FILE] });
    expect(areaFields({ areas: [HEAP], more: 2 })).to.deep.equal({ areas: [HEAP], moreAreas: 2 });
  });
});
