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

  it('says by one bit each which regions lie at pages, and which bit is whose', () => {
    expect(set.names).to.deep.equal([
      { kind: 'ram', name: 'pc.ram' },
      { kind: 'rom', name: 'pc.bios' },
      { kind: 'none', name: '' },
      { kind: 'device', name: 'vga' },
    ]);
    expect(set.names.map((each) => set.classOf(each))).to.deep.equal([1, 2, 4, 8]);
    expect(set.classOf({ kind: 'ram', name: 'vga' })).to.equal(0);
    expect(set.decode(0)).to.deep.equal([]);
    expect(set.decode(9)).to.deep.equal([
      { kind: 'ram', name: 'pc.ram' },
      { kind: 'device', name: 'vga' },
    ]);
    // One page after the other, back and forth: what the last look found is used again only where it holds.
    const pages: readonly (readonly [number, number])[] = [
      ...([
        [0, 0],
        [0x9f, 0x9f],
        [0x9f, 0xa0],
        [0xa0, 0xa0],
        [0x9f, 0x9f],
        [0xbf, 0xc0],
      ] as const),
      ...([
        [0xc0, 0xc0],
        [0xff, 0xff],
        [0xff, 0x100],
        [0x100, 0x100],
        [0x7ff, 0x7ff],
        [0x7ff, 0x800],
      ] as const),
      ...([
        [0x800, 0x900],
        [0x7fe, 0x7fe],
        [0x100, 0x7fe],
        [0xff, 0x7fe],
        [0, 0x7fe],
      ] as const),
    ];
    expect(pages.map(([first, last]) => new RegionSet(map).classify(first, last))).to.deep.equal([
      ...[1, 1, 9, 8, 1, 10, 2, 2, 3, 1, 5, 5, 4, 1, 1, 3, 11],
    ]);
    expect(pages.map(([first, last]) => set.classify(first, last))).to.deep.equal([
      ...[1, 1, 9, 8, 1, 10, 2, 2, 3, 1, 5, 5, 4, 1, 1, 3, 11],
    ]);
  });

  it('has a bit for each of twenty-nine, and one for all others', () => {
    const setOf = (devices: number): RegionSet =>
      new RegionSet(
        new MemoryMap(
          Array.from({ length: devices }, (_, at) => {
            const first = BigInt(at) * 0x1000n;
            return region('device', first, first + 0xfffn, `device ${at}`);
          }),
        ),
      );
    const namesOf = (devices: number): string[] => setOf(devices).names.map(({ name }) => name);
    const all = Array.from({ length: 28 }, (_, at) => `device ${at}`);
    expect(namesOf(28)).to.deep.equal(['', ...all]);
    expect(namesOf(29)).to.deep.equal(['', ...all, 'others']);
    expect(namesOf(31)).to.deep.equal(['', ...all, 'others']);
    expect(setOf(31).names.at(-1)).to.deep.equal({ kind: 'device', name: 'others' });
    expect([0, 27, 28, 30, 31].map((page) => setOf(31).classify(page, page))).to.deep.equal([
      ...[2, 2 ** 28, 2 ** 29, 2 ** 29, 1],
    ]);
    expect(setOf(31).classify(27, 31)).to.equal(2 ** 28 + 2 ** 29 + 1);
  });

  it('has what lies elsewhere by its name, once', () => {
    const dumped = new RegionSet(
      new MemoryMap(
        [region('ram', 0n, 0xfffn), region('none', 0x1000n, 0x1fffn, 'not in the dump')],
        'not in the dump',
      ),
    );
    expect(dumped.names).to.deep.equal([
      { kind: 'ram', name: 'pc.ram' },
      { kind: 'none', name: 'not in the dump' },
    ]);
    expect([0, 1, 2].map((page) => dumped.classify(page, page))).to.deep.equal([1, 2, 2]);
  });
});
