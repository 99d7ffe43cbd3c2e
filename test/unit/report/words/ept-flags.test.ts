import { expect } from 'chai';
import type { WalkStep } from '../../../../src/paging/index.ts';
import { eptFlags } from '../../../../src/report/words/ept-flags.ts';

function flags(value: bigint, { level = 1, leaf = true } = {}): string {
  return eptFlags({ value, level, leaf } as WalkStep).join(' ');
}

describe('report/eptFlags', () => {
  it('has each bit by its name, of a leaf (SDM vol. 3C, table 31-6)', () => {
    const bits = [0, 1, 2, 6, 7, 8, 9, 10, 11, 57, 58, 59].map((bit) => flags(1n << BigInt(bit)));
    expect(bits).to.deep.equal([
      ...['R-- UC', '-W- UC', '--X UC', '--- UC IPAT', '--- UC', '--- A UC', '--- D UC', '--- XU UC', '--- UC'],
      ...['--- UC', '--- UC PW', '--- UC'],
    ]);
    expect([0n, 1n, 2n, 4n, 5n, 6n].map((type) => flags((type << 3n) | 7n))).to.deep.equal([
      ...['RWX UC', 'RWX WC', 'RWX memory type 2', 'RWX WT', 'RWX WP', 'RWX WB'],
    ]);
  });

  it('has the size of a large page, and of an entry that leads on no memory type and no D', () => {
    expect(flags(0x3ffn | (6n << 3n), { level: 2 })).to.equal('RWX A D PS memory type 7 IPAT');
    expect(flags(0x3f7n, { level: 2 })).to.equal('RWX A D PS WB IPAT');
    expect(flags(0x347n, { level: 2, leaf: false })).to.equal('RWX A');
  });
});
