import { expect } from 'chai';
import { MemoryMap } from '../../../../src/guest/memory/memory-map.ts';
import { region } from '../../../support/fakes/region.ts';

/** 640 KiB of RAM, a hole, ROM, RAM, a device, flash, a passed-through device's memory. */
const PC = [
  region('ram', 0x0n, 0x9ffffn),
  region('rom', 0xc0000n, 0xfffffn, 'pc.rom', 0n),
  region('ram', 0x100000n, 0x7ffffffn),
  region('device', 0xfec00000n, 0xfec00fffn, 'ioapic', 0n),
  region('device', 0xfed00000n, 0xfed00fffn, 'vfio bar', 0n),
  region('rom', 0xfffc0000n, 0xffffffffn, 'system.flash0', 0n),
];

describe('the map of physical memory', () => {
  const map = new MemoryMap(PC);

  it('knows what lies where', () => {
    const kinds = ([0x0n, 0x9ffffn, 0xa0000n, 0xc0000n, 0x100000n, 0x7ffffffn, 0x8000000n] as const).map(
      (address) => map.regionAt(address).kind,
    );
    expect(kinds).to.deep.equal(['ram', 'ram', 'none', 'rom', 'ram', 'ram', 'none']);
    expect(map.regionAt(0xfec00010n)).to.include({ kind: 'device', name: 'ioapic' });
    expect(map.regionAt(0xfed00010n).kind, "a device's own memory is a device").to.equal('device');
    expect(map.regionAt(0xfffc0000n).kind, 'flash is ROM: a write would be a command').to.equal('rom');
  });

  it('has nothing where nothing is, not even above 52 bits', () => {
    for (const address of [0x8000000n, 1n << 51n, 1n << 52n, (1n << 64n) - 1n]) {
      expect(map.regionAt(address)).to.deep.equal({
        kind: 'none',
        name: '',
        first: address,
        last: address,
        offset: 0n,
      });
    }
    expect(new MemoryMap([]).regionAt(0n).kind).to.equal('none');
  });

  it('lets RAM and ROM be read, to the last byte and not one further', () => {
    expect(map.isReadable(0x9fff8, 8)).to.equal(true);
    expect(map.isReadable(0x9fffc, 8)).to.equal(false);
    expect(map.isReadable(0xa0000, 8)).to.equal(false);
    expect(map.isReadable(0xc0000, 8)).to.equal(true);
    expect(map.isReadable(0xbfffc, 8)).to.equal(false);
    expect(map.isReadable(0xfffffff8, 8)).to.equal(true);
    expect(map.isReadable(0x0, 0xa0000)).to.equal(true);
    expect(map.isReadable(0x0, 0xa0001)).to.equal(false);
  });

  it('never lets a device be read', () => {
    for (const address of [0xfec00000, 0xfec00ff8, 0xfed00000]) {
      expect(map.isReadable(address, 8), address.toString(16)).to.equal(false);
      expect(map.isReadable(address, 1), address.toString(16)).to.equal(false);
    }
  });

  it('refuses what spans two regions, even when both are memory', () => {
    expect(map.isReadable(0xffffc, 8), 'from ROM into RAM').to.equal(false);
  });

  it('lets RAM alone be written', () => {
    expect(map.isWritable(0x7fffff8, 8)).to.equal(true);
    expect(map.isWritable(0x7fffffc, 8)).to.equal(false);
    expect(map.isWritable(0xc0000, 8)).to.equal(false);
    expect(map.isWritable(0xfffc0000, 8)).to.equal(false);
    expect(map.isWritable(0xfec00000, 4)).to.equal(false);
    expect(map.isWritable(0x8000000, 4)).to.equal(false);
  });

  it('gives the memory of a range piece by piece', () => {
    expect(map.readableParts(0x9f000, 0x1000)).to.deep.equal([{ address: 0x9f000, lengthBytes: 0x1000 }]);
    expect(map.readableParts(0x9ff00, 0x20200)).to.deep.equal([
      { address: 0x9ff00, lengthBytes: 0x100 },
      { address: 0xc0000, lengthBytes: 0x100 },
    ]);
    expect(map.readableParts(0xfec00000, 0x1000)).to.deep.equal([]);
  });

  it('takes regions in ascending order alone, which do not overlap', () => {
    const low = region('ram', 0n, 0xfffn);
    for (const wrong of [
      [region('ram', 0x1000n, 0x1fffn), low],
      [low, region('rom', 0xfffn, 0x1fffn, 'rom')],
      [region('ram', 0x1000n, 0xfffn)],
    ]) {
      expect(() => new MemoryMap(wrong))
        .to.throw('does not come after the one before it')
        .with.property('code', 'ERR_GUEST_USAGE');
    }
  });

  it('cuts a region that reaches above 52 bits', () => {
    const whole = new MemoryMap([region('ram', 0n, (1n << 64n) - 1n)]);
    expect(whole.isReadable(2 ** 52 - 8, 8)).to.equal(true);
    expect(whole.isReadable(2 ** 52 - 4, 8)).to.equal(false);
  });

  it('may have regions of nothing, and say what lies between regions', () => {
    const dumped = new MemoryMap(
      [region('ram', 0x0n, 0xfffn), region('none', 0x1000n, 0x1fffn, 'not in the dump', 0n)],
      'elsewhere',
    );
    expect(dumped.regionFrom(0x1000n)).to.include({ kind: 'none', name: 'not in the dump', last: 0x1fffn });
    expect(dumped.regionFrom(0x2000n)).to.include({ kind: 'none', name: 'elsewhere', last: 2n ** 64n - 1n });
    expect(dumped.isReadable(0x1000, 8)).to.equal(false);
  });

  it('says from where to where each thing lies, and nothing between them', () => {
    const [, , ram, ioapic] = map.regions;
    expect([0x100000n, 0x123456n, 0x7ffffffn].map((address) => map.regionFrom(address))).to.deep.equal([ram, ram, ram]);
    expect(map.regionAt(0xfec00fffn)).to.equal(ioapic);
    const nothing = (first: bigint, last: bigint) => ({ kind: 'none', name: '', first, last, offset: 0n });
    expect(map.regionFrom(0xa0000n)).to.deep.equal(nothing(0xa0000n, 0xbffffn));
    expect(map.regionFrom(0xbffffn)).to.deep.equal(nothing(0xbffffn, 0xbffffn));
    expect(map.regionFrom(0xfec01000n)).to.deep.equal(nothing(0xfec01000n, 0xfecfffffn));
    for (const first of [0x1_0000_0000n, (1n << 52n) - 1n, 1n << 52n, (1n << 64n) - 1n]) {
      expect(map.regionFrom(first)).to.deep.equal(nothing(first, (1n << 64n) - 1n));
    }
    expect(new MemoryMap([], 'elsewhere').regionFrom(5n)).to.deep.equal({
      ...nothing(5n, (1n << 64n) - 1n),
      name: 'elsewhere',
    });
    expect(new MemoryMap([], 'elsewhere').regionAt(5n)).to.deep.equal({ ...nothing(5n, 5n), name: 'elsewhere' });
    expect([map.elsewhere, map.hasSmram]).to.deep.equal(['', false]);
    expect(map.regions).to.deep.equal(PC);
  });

  it('ends at 52 bits, also in a region that does not', () => {
    const whole = new MemoryMap([region('ram', 0x1000n, (1n << 64n) - 1n)]);
    const [ram] = whole.regions;
    expect(whole.regionAt((1n << 52n) - 1n)).to.equal(ram);
    expect(whole.regionAt(1n << 52n)).to.include({ kind: 'none', first: 1n << 52n });
    expect(whole.regionFrom((1n << 52n) - 1n)).to.equal(ram);
    expect(whole.regionFrom(1n << 52n)).to.include({ kind: 'none', last: (1n << 64n) - 1n });
    expect(whole.readableParts(2 ** 52 - 8, 16)).to.deep.equal([{ address: 2 ** 52 - 8, lengthBytes: 8 }]);
  });

  it('gives the memory of a range that begins or ends within regions, or lies in none', () => {
    expect(map.readableParts(0xfff00, 0x200)).to.deep.equal([
      { address: 0xfff00, lengthBytes: 0x100 },
      { address: 0x100000, lengthBytes: 0x100 },
    ]);
    expect(map.readableParts(0xfebff000, 0x13c1001)).to.deep.equal([{ address: 0xfffc0000, lengthBytes: 1 }]);
    expect(map.readableParts(0xfebff000, 0x13c1000)).to.deep.equal([]);
    expect(map.readableParts(0x9ffff, 2)).to.deep.equal([{ address: 0x9ffff, lengthBytes: 1 }]);
    expect(map.readableParts(0xffffffff, 0x1000)).to.deep.equal([{ address: 0xffffffff, lengthBytes: 1 }]);
    expect(map.readableParts(0x100000000, 0x1000)).to.deep.equal([]);
    expect(map.readableParts(0x0, 0x10_0000_0000)).to.deep.equal([
      { address: 0x0, lengthBytes: 0xa0000 },
      { address: 0xc0000, lengthBytes: 0x40000 },
      { address: 0x100000, lengthBytes: 0x7f00000 },
      { address: 0xfffc0000, lengthBytes: 0x40000 },
    ]);
  });

  it('knows SMRAM, which is read and never written, where it is memory', () => {
    const hidden = { onlyInSmm: true } as const;
    const smm = new MemoryMap([
      region('ram', 0n, 0xfffn),
      { ...region('ram', 0x1000n, 0x1fffn, 'smram'), ...hidden },
      { ...region('device', 0x2000n, 0x2fffn, 'vga'), ...hidden },
    ]);
    expect(smm.hasSmram).to.equal(true);
    expect([0xfff, 0x1000, 0x1fff, 0x2000, 0x3000].map((address) => smm.isOnlyInSmm(address))).to.deep.equal([
      ...[false, true, true, true, false],
    ]);
    expect([smm.isReadable(0x1000, 8), smm.isWritable(0x1000, 8), smm.isWritable(0xff8, 8)]).to.deep.equal([
      ...[true, false, true],
    ]);
    const device = new MemoryMap([{ ...region('device', 0x2000n, 0x2fffn, 'vga'), ...hidden }]);
    expect([device.hasSmram, device.isOnlyInSmm(0x2000)]).to.deep.equal([false, false]);
  });

  it('takes regions that touch, of one byte too, and says which one is out of order', () => {
    const bytes = new MemoryMap([region('ram', 0n, 0n, 'a'), region('rom', 1n, 1n, 'b'), region('ram', 2n, 9n, 'c')]);
    expect([0n, 1n, 2n, 9n, 10n].map((address) => bytes.regionAt(address).name)).to.deep.equal([
      ...['a', 'b', 'c', 'c', ''],
    ]);
    expect([bytes.isReadable(0, 1), bytes.isReadable(0, 2), bytes.isReadable(1, 1)]).to.deep.equal([true, false, true]);
    expect(() => new MemoryMap([region('ram', 0x1000n, 0x1fffn), region('rom', 0x1fffn, 0x2fffn, 'a"b')])).to.throw(
      /^the region "a\\"b" at 0x1fff-0x2fff ends before it begins, or does not come after the one before it$/,
    );
  });
});
