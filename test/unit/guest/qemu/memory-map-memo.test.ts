import { expect } from 'chai';
import { MemoryMapMemo } from '../../../../src/guest/qemu/memory-map-memo.ts';

/** `info mtree -f` of a machine with so much RAM, of which vCPU 1 sees a page. */
function views(last: string): string {
  return [
    'FlatView #0',
    ' AS "memory", root: system',
    ' AS "cpu-memory-0", root: system',
    ' Root memory region: system',
    `  0000000000000000-${last} (prio 0, ram): pc.ram`,
    '',
    'FlatView #1',
    ' AS "cpu-memory-1", root: other',
    ' Root memory region: other',
    '  0000000000000000-0000000000000fff (prio 0, ram): pc.ram',
    '',
    'FlatView #2',
    ' AS "cpu-smm-0", root: smm',
    ' Root memory region: smm',
    '  0000000000000000-0000000000001fff (prio 0, ram): smram',
    '',
  ].join('\n');
}

const SMALL = views('0000000000ffffff');
const LARGE = views('0000000001ffffff');

describe('memory maps from pause to pause', () => {
  it('are the same as long as the monitor says the same, each for its vCPU and its mode', () => {
    const memo = new MemoryMapMemo();
    const first = memo.select(SMALL, 0, false);
    expect(first.regions.map(({ name, last }) => [name, last])).to.deep.equal([['pc.ram', 0xff_ffffn]]);
    expect(memo.select(`${SMALL}`, 0, false)).to.equal(first);
    const other = memo.select(SMALL, 1, false);
    expect(other.regions.map(({ name, last }) => [name, last])).to.deep.equal([['pc.ram', 0xfffn]]);
    const smm = memo.select(SMALL, 0, true);
    expect(smm.regions.map(({ name, last, onlyInSmm }) => [name, last, onlyInSmm])).to.deep.equal([
      ['smram', 0x1fffn, true],
    ]);
    expect([memo.select(SMALL, 0, false), memo.select(SMALL, 1, false), memo.select(SMALL, 0, true)]).to.deep.equal([
      ...[first, other, smm],
    ]);
    expect(memo.select(SMALL, 1, false)).to.equal(other);
    expect(memo.select(SMALL, 0, true)).to.equal(smm);
  });

  it('are others once it says something else', () => {
    const memo = new MemoryMapMemo();
    const small = memo.select(SMALL, 0, false);
    const large = memo.select(LARGE, 0, false);
    expect(large.regions[0]?.last).to.equal(0x1ff_ffffn);
    expect(memo.select(LARGE, 0, false)).to.equal(large);
    const again = memo.select(SMALL, 0, false);
    expect(again.regions).to.deep.equal(small.regions);
    expect(again === small, 'it was made anew').to.equal(false);
    expect(() => new MemoryMapMemo().select('', 0, false))
      .to.throw()
      .with.property('code')
      .that.matches(/^ERR_/);
  });
});
