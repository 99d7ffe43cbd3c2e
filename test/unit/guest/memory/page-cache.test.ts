import { expect } from 'chai';
import { MemoryMap } from '../../../../src/guest/memory/memory-map.ts';
import { memoryOf, PageCache } from '../../../../src/guest/memory/page-cache.ts';
import type { MemoryPiece, PhysicalMemory } from '../../../../src/guest/memory/physical-memory.ts';
import { expectRejection } from '../../../support/expect-rejection.ts';
import { region } from '../../../support/fakes/region.ts';

const MAP = new MemoryMap([region('ram', 0x0n, 0xffffn)]);

describe('the cache of pages', () => {
  it('has no page before its bytes are there: another question may be under way', async () => {
    let arrive = (): void => {};
    const arrived = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    const slow: PhysicalMemory = {
      read: async (pieces) => {
        await arrived;
        return pieces.map(({ lengthBytes }) => new Uint8Array(lengthBytes).fill(0x11));
      },
    };
    const cache = new PageCache(slow, MAP);
    const loading = cache.load([1]);
    expect(cache.words(1)).to.equal(undefined);
    arrive();
    await loading;
    expect(cache.words(1)?.[0]).to.equal(0x1111_1111);
  });

  it('has no page that could not be read', async () => {
    const cache = new PageCache({ read: () => Promise.reject(new RangeError('it is gone')) }, MAP);
    expect(await expectRejection(cache.load([1]))).to.be.instanceOf(RangeError);
    expect(cache.words(1)).to.equal(undefined);
    await cache.load([0x20]);
    expect(cache.words(0x20), 'outside of memory').to.equal(null);
  });

  describe('of memory with holes in it', () => {
    const PAGE = 4096;
    /** Pages 0 to 2, of which the last is half there; ROM in page 4, a device in the rest of it; RAM in page 8. */
    const HOLES = new MemoryMap([
      region('ram', 0n, 0x27ffn),
      region('rom', 0x4100n, 0x41ffn, 'bios', 0n),
      region('device', 0x4200n, 0x5fffn, 'vga', 0n),
      region('rom', 0x6000n, 0x6fffn, 'pc.rom', 0n),
      region('ram', 0x8000n, 0x8fffn),
    ]);

    /** What was read, flight by flight. The bytes of a page are its number plus one. */
    function memory(usesTargets: boolean): { readonly flights: MemoryPiece[][]; readonly memory: PhysicalMemory } {
      const flights: MemoryPiece[][] = [];
      const read: PhysicalMemory['read'] = async (pieces, targets = []) => {
        flights.push([...pieces]);
        return pieces.map(({ address, lengthBytes }, at) => {
          const given = usesTargets ? targets[at] : undefined;
          expect(targets[at]).to.have.length(lengthBytes);
          return (given ?? new Uint8Array(lengthBytes)).fill(Math.floor(address / PAGE) + 1);
        });
      };
      return { flights, memory: { read } };
    }

    /** The bytes of a page that are not zero: from where, to where, and which. */
    function filled(words: Int32Array | null | undefined): string {
      if (!words) return String(words);
      const bytes = [...new Uint8Array(words.buffer, words.byteOffset, words.byteLength)];
      const some = bytes.filter((byte) => byte !== 0);
      const [first = 0] = some;
      expect(new Set(some).size).to.be.lessThan(2);
      return `${words.length}: ${bytes.indexOf(first)}+${some.length} ${first}`;
    }

    for (const usesTargets of [true, false]) {
      it(`reads what may be read, in ascending order, each page once (targets ${usesTargets ? 'filled' : 'left'})`, async () => {
        const { flights, memory: found } = memory(usesTargets);
        const cache = new PageCache(found, HOLES);
        expect([cache.flights, cache.size, cache.pageCount, cache.room]).to.deep.equal([0, 0, 0, 98_304]);
        await cache.load([8, 4, 0, 5, 2]);
        expect(flights).to.deep.equal([
          [
            { address: 0, lengthBytes: PAGE },
            { address: 0x2000, lengthBytes: 0x800 },
            { address: 0x4100, lengthBytes: 0x100 },
            { address: 0x8000, lengthBytes: PAGE },
          ],
        ]);
        const seen = [0, 1, 2, 4, 5, 8].map((page) => filled(cache.words(page)));
        expect(seen).to.deep.equal([
          ...['1024: 0+4096 1', 'undefined', '1024: 0+2048 3', '1024: 256+256 5', 'null', '1024: 0+4096 9'],
        ]);
        expect([cache.flights, cache.size, cache.pageCount, cache.room]).to.deep.equal([1, 5, 4, 98_299]);
        expect(cache.pages.map(([page, words]) => [page, words === cache.words(page)])).to.deep.equal([
          ...[
            [0, true],
            [2, true],
            [4, true],
            [8, true],
          ],
        ]);
        await cache.load([0, 1, 5]);
        expect(flights.slice(1)).to.deep.equal([[{ address: PAGE, lengthBytes: PAGE }]]);
        await cache.load([0, 7]);
        expect([flights.length, cache.flights]).to.deep.equal([2, 2]);
        expect(cache.pages.map(([page]) => page)).to.deep.equal([0, 1, 2, 4, 8]);
        expect([cache.size, cache.pageCount, cache.hasForgotten]).to.deep.equal([7, 5, false]);
      });
    }

    it('knows which entries of a page that is memory in part are memory', async () => {
      const cache = new PageCache(memory(true).memory, HOLES);
      await cache.load([0]);
      expect(cache.holds(0x27f8, 8), 'not fetched yet').to.equal(true);
      await cache.load([2, 4, 5]);
      const asked = [0, 0xff8, 0x2000, 0x27f8, 0x27fc, 0x2800, 0x2ff8, 0x40f8, 0x4100, 0x41f8, 0x41fc, 0x4200, 0x5000];
      expect(asked.filter((address) => cache.holds(address, 8))).to.deep.equal([
        ...[0, 0xff8, 0x2000, 0x27f8, 0x4100, 0x41f8],
      ]);
      expect(cache.holds(0x27fc, 4)).to.equal(true);
    });

    it('names ROM that its pages begin in, once', async () => {
      const cache = new PageCache(memory(true).memory, HOLES);
      await cache.load([0, 5, 6]);
      expect(cache.romNames).to.deep.equal(['pc.rom']);
      const more = new MemoryMap([
        region('rom', 0n, 0x1fffn, 'one', 0n),
        region('rom', 0x2000n, 0x2fffn, 'two', 0n),
        region('ram', 0x3000n, 0x3fffn),
      ]);
      const roms = new PageCache(memory(true).memory, more);
      await roms.load([0, 1, 2, 3, 9]);
      expect(roms.romNames).to.deep.equal(['one', 'two']);
    });

    it('lets the oldest go beyond what it keeps, and says so', async () => {
      const { flights, memory: found } = memory(true);
      const cache = new PageCache(found, HOLES, 2);
      await cache.load([1, 0]);
      expect([cache.room, cache.hasForgotten]).to.deep.equal([0, false]);
      await cache.load([8]);
      expect([cache.words(0), cache.words(1)?.[0], cache.words(8)?.[0]]).to.deep.equal([
        ...[undefined, 0x0202_0202, 0x0909_0909],
      ]);
      expect([cache.size, cache.room, cache.hasForgotten]).to.deep.equal([2, 0, true]);
      await cache.load([0]);
      expect(flights).to.have.length(3);
      expect([cache.words(1), cache.words(0)?.[0]]).to.deep.equal([undefined, 0x0101_0101]);
    });

    it('follows writes to pages that it has, byte by byte', async () => {
      const cache = new PageCache(memory(true).memory, HOLES);
      await cache.load([0, 1, 5]);
      cache.writeThrough(0x1000, 0xaa);
      cache.writeThrough(0x1fff, 0xbb);
      cache.writeThrough(0x2000, 0xcc);
      cache.writeThrough(0x5000, 0xdd);
      const words = cache.words(1);
      expect([words?.[0], words?.[1], words?.[1022], words?.[1023]]).to.deep.equal([
        ...[0x0202_02aa, 0x0202_0202, 0x0202_0202, 0xbb02_0202 | 0],
      ]);
      expect(filled(cache.words(0))).to.equal('1024: 0+4096 1');
      expect([cache.words(2), cache.words(5)]).to.deep.equal([undefined, null]);
    });

    it('stays memory when the guest runs on, for the pages that it has', async () => {
      const cache = new PageCache(memory(true).memory, HOLES);
      await cache.load([0, 1, 5]);
      cache.writeThrough(0x1008, 0x10);
      cache.writeThrough(0x100f, 0x17);
      const kept = memoryOf(cache);
      const target = new Uint8Array(8);
      const pieces = [
        { address: 0x1008, lengthBytes: 8 },
        { address: 0xffe, lengthBytes: 2 },
      ];
      const [first, second] = await kept.read(pieces, [target]);
      expect(first).to.equal(target);
      expect([...target]).to.deep.equal([0x10, 2, 2, 2, 2, 2, 2, 0x17]);
      expect([...(second ?? [])]).to.deep.equal([1, 1]);
      const [copy] = await kept.read(pieces);
      copy?.fill(0xff);
      expect(cache.words(1)?.[2]).to.equal(0x0202_0210);
      for (const [address, page] of [
        [0x2008, '0x2000'],
        [0x5ff8, '0x5000'],
      ] as const) {
        const error = await expectRejection(kept.read([{ address, lengthBytes: 8 }]));
        expect(error).to.include({
          code: 'ERR_GUEST_USAGE',
          message: `the page of tables at ${page} was not kept: ask only for what was named to keep()`,
        });
      }
    });
  });
});
