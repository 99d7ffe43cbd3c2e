import { expect } from 'chai';
import type { FlatRange } from '../../../../protocols/qmp/index.ts';
import { selectMemoryMap } from '../../../../src/guest/qemu/select-memory-map.ts';
import { flatRange, flatView } from '../../../support/fakes/flat-range.ts';

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

  it('takes what has effects for a device, and what a write would be a command to for ROM', () => {
    const kinds = (['ram', 'rom', 'romd', 'ramd', 'i/o'] as const).map((type) => {
      const map = selectMemoryMap([flatView(['memory'], [flatRange(type, 0x1000n, 0x1fffn, 'part', 8n)])], 0, false);
      const { kind, name, first, last, offset } = map.regionAt(0x1234n);
      expect({ name, first, last, offset }).to.deep.equal({ name: 'part', first: 0x1000n, last: 0x1fffn, offset: 8n });
      return kind;
    });
    expect(kinds).to.deep.equal(['ram', 'rom', 'rom', 'device', 'device']);
  });

  it('shows SMRAM to a vCPU in system management mode, and says that no other vCPU sees it', () => {
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
      expect(map.readableParts(at * 0x2000, 0x2000)).to.deep.equal([{ address: at * 0x2000, lengthBytes: 0x1000 }]);
      expect(map.regionFrom(BigInt(at * 0x2000 + 0x1000)).last).to.equal(
        at === count - 1 ? 0xfff_ffff_ffffn : BigInt(at * 0x2000 + 0x1fff),
      );
    }
  });

  describe('cuts a view where the system’s shows something else', () => {
    /** The regions of vCPU 0, by what its view and the system's have: hidden or shown, range and offset. */
    function cutOf(own: readonly FlatRange[], shown: readonly FlatRange[]): readonly string[] {
      const map = selectMemoryMap([flatView(['cpu-memory-0'], own), flatView(['memory'], shown)], 0, false);
      const hex = (value: bigint): string => value.toString(16);
      return map.regions.map(
        ({ kind, name, first, last, offset, onlyInSmm }) =>
          `${onlyInSmm === true ? 'hidden' : 'shown'} ${kind} ${name} ${hex(first)}-${hex(last)} @${hex(offset)}`,
      );
    }
    const ram = (first: bigint, last: bigint, offset = first) => flatRange('ram', first, last, 'r', offset);

    it('at its beginning, its end, and in between, to the byte', () => {
      expect(cutOf([ram(0x1000n, 0x4fffn, 0n)], [ram(0x1000n, 0x4fffn, 0n)])).to.deep.equal([
        'shown ram r 1000-4fff @0',
      ]);
      expect(cutOf([ram(0x1000n, 0x4fffn, 0n)], [ram(0x1001n, 0x4ffen, 1n)])).to.deep.equal([
        ...['hidden ram r 1000-1000 @0', 'shown ram r 1001-4ffe @1', 'hidden ram r 4fff-4fff @3fff'],
      ]);
      expect(
        cutOf([ram(0x1000n, 0x4fffn)], [ram(0n, 0x1fffn), ram(0x2000n, 0x2fffn), ram(0x4000n, 0x8fffn)]),
      ).to.deep.equal([
        ...['shown ram r 1000-1fff @1000', 'shown ram r 2000-2fff @2000', 'hidden ram r 3000-3fff @3000'],
        'shown ram r 4000-4fff @4000',
      ]);
      expect(cutOf([ram(0x1000n, 0x4fffn)], [ram(0n, 0x1000n), ram(0x4fffn, 0x4fffn)])).to.deep.equal([
        ...['shown ram r 1000-1000 @1000', 'hidden ram r 1001-4ffe @1001', 'shown ram r 4fff-4fff @4fff'],
      ]);
      expect(cutOf([ram(0x1000n, 0x1fffn)], [ram(0n, 0xfffn), ram(0x2000n, 0x2fffn)])).to.deep.equal([
        'hidden ram r 1000-1fff @1000',
      ]);
    });

    it('in each range by itself, against the same of the system’s where one reaches over several', () => {
      const own = [
        ram(0n, 0xfffn),
        flatRange('i/o', 0x1000n, 0x1fffn, 'd', 0n),
        ram(0x2000n, 0x2fffn),
        ram(0x5000n, 0x5fffn),
      ];
      expect(cutOf(own, [ram(0n, 0x3fffn), ram(0x5000n, 0x57ffn)])).to.deep.equal([
        ...['shown ram r 0-fff @0', 'hidden device d 1000-1fff @0', 'shown ram r 2000-2fff @2000'],
        ...['shown ram r 5000-57ff @5000', 'hidden ram r 5800-5fff @5800'],
      ]);
      expect(cutOf([ram(0x1000n, 0x1fffn)], [])).to.deep.equal(['hidden ram r 1000-1fff @1000']);
      expect(cutOf([], [ram(0x1000n, 0x1fffn)])).to.deep.equal([]);
    });

    it('where the name or the place within it is another’s, whatever the type', () => {
      const shown = [flatRange('ram', 0x1000n, 0x1fffn, 'other', 0x1000n)];
      expect(cutOf([ram(0x1000n, 0x1fffn)], shown)).to.deep.equal(['hidden ram r 1000-1fff @1000']);
      expect(cutOf([ram(0x1000n, 0x1fffn, 0n)], [ram(0x1000n, 0x1fffn)])).to.deep.equal(['hidden ram r 1000-1fff @0']);
      expect(cutOf([flatRange('rom', 0x1000n, 0x1fffn, 'r')], [ram(0x1000n, 0x1fffn)])).to.deep.equal([
        'shown rom r 1000-1fff @1000',
      ]);
    });
  });

  it('leaves the system’s own view as it is', () => {
    const map = selectMemoryMap(
      [flatView(['memory', 'cpu-memory-0'], [flatRange('rom', 0x1000n, 0x1fffn, 'r', 8n)])],
      0,
      true,
    );
    expect(map.regions).to.deep.equal([{ kind: 'rom', name: 'r', first: 0x1000n, last: 0x1fffn, offset: 8n }]);
  });

  it('prefers a vCPU’s own view of system management mode to the one for all', () => {
    const own = flatView(['cpu-smm-1'], [flatRange('ram', 0n, 0xfffn, 'own')]);
    const all = flatView(['KVM-SMRAM'], [flatRange('ram', 0n, 0xfffn, 'all')]);
    const ordinary = flatView(['cpu-memory-1'], [flatRange('ram', 0n, 0xfffn, 'ordinary')]);
    const nameIn = (cpu: number, inSmm: boolean) =>
      selectMemoryMap([all, own, ordinary, system], cpu, inSmm).regionAt(0n).name;
    expect([nameIn(1, true), nameIn(0, true), nameIn(1, false), nameIn(0, false)]).to.deep.equal([
      ...['own', 'all', 'ordinary', 'pc.ram'],
    ]);
  });
});
