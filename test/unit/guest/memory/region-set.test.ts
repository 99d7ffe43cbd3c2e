import { expect } from 'chai';
import { MemoryMap } from '../../../../src/guest/memory/memory-map.ts';
import { RegionSet } from '../../../../src/guest/memory/region-set.ts';
import { region } from '../../../support/fakes/region.ts';

const page = (address: bigint): number => Number(address >> 12n);

describe('guest/RegionSet', () => {
  const map = new MemoryMap([
    region('ram', 0n, 0x9_ffffn),
    region('device', 0xa_0000n, 0xb_ffffn, 'vga'),
    region('rom', 0xc_0000n, 0xf_ffffn, 'pc.bios'),
    region('ram', 0x10_0000n, 0x7f_f7ffn, 'pc.ram'),
  ]);
  const set = new RegionSet(map);
  const named = (first: bigint, last: bigint): string =>
    set
      .decode(set.classify(page(first), page(last)))
      .map(({ kind, name }) => `${kind} ${name}`)
      .join(', ');

  it('names what lies at a page, and that of many', () => {
    expect(named(0n, 0xfffn)).to.equal('ram pc.ram');
    expect(named(0x1000n, 0x9_ffffn)).to.equal('ram pc.ram');
    expect(named(0xa_0000n, 0xa_0fffn)).to.equal('device vga');
    expect(named(0n, 0x1f_ffffn)).to.equal('ram pc.ram, rom pc.bios, device vga');
  });

  it('knows where nothing is, also in a part of a page and beyond everything', () => {
    expect(named(0x7f_f000n, 0x7f_ffffn)).to.equal('ram pc.ram, none ');
    expect(named(0x8000_0000n, 0x8000_0fffn)).to.equal('none ');
    expect(named(0x8000_1000n, 0x9000_0fffn)).to.equal('none ');
    expect(named(0n, 0xf_ffff_ffff_ffffn)).to.equal('ram pc.ram, rom pc.bios, none , device vga');
  });

  it('has one name for more devices than there are bits', () => {
    const devices = Array.from({ length: 40 }, (_, at) => {
      const first = BigInt(at) * 0x1000n;
      return region('device', first, first + 0xfffn, `device ${at}`);
    });
    const many = new RegionSet(new MemoryMap(devices));
    const names = devices.flatMap((_, at) => many.decode(many.classify(at, at)).map(({ name }) => name));
    expect(names.slice(0, 28)).to.deep.equal(devices.slice(0, 28).map(({ name }) => name));
    expect(names.slice(28)).to.deep.equal(Array(12).fill('others'));
  });
});
