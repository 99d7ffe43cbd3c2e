import { expect } from 'chai';
import { MemoryMap, selectMemoryMap } from '../../../../src/guest/memory/memory-map.ts';
import { flatRange, flatView } from '../../../support/fakes/flat-range.ts';

/** 640 KiB of RAM, a hole, ROM, RAM, a device, flash, a passed-through device's memory. */
const PC = [
  flatRange('ram', 0x0n, 0x9ffffn),
  flatRange('rom', 0xc0000n, 0xfffffn, 'pc.rom', 0n),
  flatRange('ram', 0x100000n, 0x7ffffffn),
  flatRange('i/o', 0xfec00000n, 0xfec00fffn, 'ioapic', 0n),
  flatRange('ramd', 0xfed00000n, 0xfed00fffn, 'vfio bar', 0n),
  flatRange('romd', 0xfffc0000n, 0xffffffffn, 'system.flash0', 0n),
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
    expect(map.readableParts(0x9f000, 0x1000)).to.deep.equal([{ address: 0x9f000, length: 0x1000 }]);
    expect(map.readableParts(0x9ff00, 0x20200)).to.deep.equal([
      { address: 0x9ff00, length: 0x100 },
      { address: 0xc0000, length: 0x100 },
    ]);
    expect(map.readableParts(0xfec00000, 0x1000)).to.deep.equal([]);
  });

  it('cuts a region that reaches above 52 bits', () => {
    const whole = new MemoryMap([flatRange('ram', 0n, (1n << 64n) - 1n)]);
    expect(whole.isReadable(2 ** 52 - 8, 8)).to.equal(true);
    expect(whole.isReadable(2 ** 52 - 4, 8)).to.equal(false);
  });
});

describe('selecting the map of a vCPU', () => {
  const RAM = flatRange('ram', 0n, 0xffffn);
  const VGA = flatRange('i/o', 0xa0000n, 0xbffffn, 'vga', 0n);
  const SMRAM = flatRange('ram', 0xa0000n, 0xbffffn, 'pc.ram');
  const system = flatView(['memory'], [RAM, VGA]);

  it('takes the view of that vCPU, else the system’s', () => {
    const other = flatView(['cpu-memory-1'], [flatRange('ram', 0n, 0xfffn)]);
    const views = [other, system];
    expect(selectMemoryMap(views, 0, false).isReadable(0x2000, 8)).to.equal(true);
    expect(selectMemoryMap(views, 1, false).isReadable(0x2000, 8)).to.equal(false);
    expect(selectMemoryMap(views, 1, false).isReadable(0xff8, 8)).to.equal(true);
  });

  it('shows SMRAM to a vCPU in system management mode, and says that nobody else sees it', () => {
    const smm = flatView(['cpu-smm-0'], [RAM, SMRAM]);
    const map = selectMemoryMap([system, smm], 0, true);
    // The stub would read the VGA there, whatever mode the vCPU is in.
    expect(map.regionAt(0xa0000n)).to.include({ kind: 'ram', name: 'pc.ram', onlyInSmm: true });
    expect(map.isOnlyInSmm(0xa0000)).to.equal(true);
    expect(map.isWritable(0xa0000, 8)).to.equal(false);
    expect(map.isOnlyInSmm(0x8000), 'what both see').to.equal(false);
    expect(map.isWritable(0x8000, 8)).to.equal(true);
    expect(map.hasSmram).to.equal(true);
    expect(selectMemoryMap([system, smm], 0, false).hasSmram).to.equal(false);
    expect(selectMemoryMap([system, smm], 0, false).regionAt(0xa0000n).name).to.equal('vga');
  });

  it('takes the one view that KVM has for all vCPUs in system management mode', () => {
    const map = selectMemoryMap([system, flatView(['KVM-SMRAM'], [RAM, SMRAM])], 3, true);
    expect(map.isOnlyInSmm(0xa0000)).to.equal(true);
  });

  it('in system-management mode too, falls back on the ordinary view', () => {
    expect(selectMemoryMap([system], 0, true).isReadable(0x8000, 8)).to.equal(true);
  });

  it('tells the parts of a view that the system’s shows as well from those that it does not', () => {
    const smm = flatView(['cpu-smm-0'], [flatRange('ram', 0n, 0x2fffn)]);
    const systemView = flatView(['memory'], [flatRange('ram', 0x0n, 0xfffn), flatRange('ram', 0x2000n, 0x3fffn)]);
    const map = selectMemoryMap([systemView, smm], 0, true);
    expect(
      map.regions.map(
        ({ onlyInSmm, first, last }) => `${onlyInSmm ? 'hidden' : 'shown'} ${first.toString(16)}-${last.toString(16)}`,
      ),
    ).to.deep.equal(['shown 0-fff', 'hidden 1000-1fff', 'shown 2000-2fff']);
  });

  it('does not take the same name at another offset for the same memory', () => {
    const smm = flatView(['cpu-smm-0'], [flatRange('ram', 0n, 0xfffn, 'pc.ram', 0x5000n)]);
    const map = selectMemoryMap([flatView(['memory'], [flatRange('ram', 0n, 0xfffn)]), smm], 0, true);
    expect(map.isOnlyInSmm(0)).to.equal(true);
  });

  it('wants the address space "memory"', () => {
    expect(() => selectMemoryMap([flatView(['I/O'], [RAM])], 0, false))
      .to.throw('address space "memory"')
      .with.property('code', 'ERR_GUEST_STATE');
  });

  it('does not compare each range of a view with each of the system’s', () => {
    const count = 32_768;
    const ranges = Array.from({ length: count }, (_, at) => {
      return flatRange('ram', BigInt(at * 0x2000), BigInt(at * 0x2000 + 0xfff));
    });
    const own = flatView(['cpu-memory-0'], [...ranges, flatRange('ram', 0x1000_0000_0000n, 0x1000_0000_0fffn)]);
    const map = selectMemoryMap([flatView(['memory'], ranges), own], 0, false);
    expect(map.regions).to.have.length(count + 1);
    expect(map.regions.at(-1)?.onlyInSmm).to.equal(true);
    for (let at = 0; at < count; at++) {
      expect(map.readableParts(at * 0x2000, 0x2000)).to.deep.equal([{ address: at * 0x2000, length: 0x1000 }]);
      expect(map.regionFrom(BigInt(at * 0x2000 + 0x1000)).last).to.equal(
        at === count - 1 ? 0xfff_ffff_ffffn : BigInt(at * 0x2000 + 0x1fff),
      );
    }
  });
});
