import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { MemoryMap, type Region } from '../../../../../src/guest/index.ts';
import { descriptorBytes } from '../../../../../src/guest/memory/host/descriptor-bytes.ts';
import {
  type HostBytes,
  HostMemory,
  type HostPiece,
  type RegionSource,
} from '../../../../../src/guest/memory/host/host-memory.ts';
import { expectRejection } from '../../../../support/expect-rejection.ts';
import { region } from '../../../../support/fakes/region.ts';

const PAGE = 4096;

function readAll(
  memory: HostMemory,
  pieces: readonly { readonly address: number; readonly bytes: Uint8Array }[],
): Promise<void> | undefined {
  return memory.read(
    pieces.map(({ address, bytes }) => ({ address, lengthBytes: bytes.length })),
    pieces.map(({ bytes }) => bytes),
  );
}

describe('guest/HostMemory', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'pagewalk-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Four pages in two regions side by side; on this host the second lies before the first. */
  function memoryOf(): HostMemory {
    const file = join(folder, 'ram');
    writeFileSync(file, Buffer.concat([3, 4, 1, 2].map((page) => Buffer.alloc(PAGE, page))));
    const region = (name: string, first: number): Region => {
      return { kind: 'ram', name, first: BigInt(first), last: BigInt(first + 2 * PAGE - 1), offset: 0n };
    };
    const regions = [region('low', 0), region('high', 2 * PAGE)];
    const places = [2 * PAGE, 0];
    const sources = new Map<Region, RegionSource>();
    const map = new MemoryMap(regions);
    for (const [at, part] of map.regions.entries()) {
      const block = { name: part.name, regions: [part], verdict: 'same' } as const;
      sources.set(part, {
        kind: 'host-file',
        bytes: descriptorBytes(openSync(file, 'r')),
        position: places[at] ?? 0,
        block,
      });
    }
    return new HostMemory('host-file', map, sources, []);
  }

  it('reads neighbours as one, and each page from where its region lies', () => {
    using memory = memoryOf();
    const arena = new ArrayBuffer(5 * PAGE);
    const pieces = [0, 1, 2, 3].map((page) => ({
      address: page * PAGE,
      bytes: new Uint8Array(arena, page * PAGE, PAGE),
    }));
    expect(readAll(memory, pieces)).to.equal(undefined);
    expect(pieces.map(({ bytes }) => [bytes[0], bytes[PAGE - 1]])).to.deep.equal(
      [1, 2, 3, 4].map((page) => [page, page]),
    );
    // Neighbours in memory whose bytes go elsewhere, and the other way round.
    const apart = [1, 0, 2].map((page, at) => ({
      address: page * PAGE,
      bytes: new Uint8Array(arena, at * PAGE, PAGE),
    }));
    const own = [0, 1].map((page) => ({ address: page * PAGE, bytes: new Uint8Array(PAGE) }));
    expect(readAll(memory, [...apart, ...own])).to.equal(undefined);
    expect([...apart, ...own].map(({ bytes }) => bytes[0])).to.deep.equal([2, 1, 3, 1, 2]);
    expect(new Uint8Array(arena, 4 * PAGE)).to.deep.equal(new Uint8Array(PAGE));
  });

  it('refuses what it has not, whatever came before', () => {
    using memory = memoryOf();
    const arena = new ArrayBuffer(2 * PAGE);
    const pieces = [3, 4].map((page, at) => ({ address: page * PAGE, bytes: new Uint8Array(arena, at * PAGE, PAGE) }));
    expect(() => readAll(memory, pieces)).to.throw(RangeError, 'guest memory at 0x4000 is not on this host');
    expect(new Uint8Array(arena)).to.deep.equal(new Uint8Array(2 * PAGE));
  });

  describe('whose regions lie in several places', () => {
    /** `low` and `high` in one place, side by side, then a hole, then `rom` in another. */
    const MAP = new MemoryMap([
      region('ram', 0n, 0x1fffn, 'low'),
      region('ram', 0x2000n, 0x3fffn, 'high'),
      region('rom', 0x8000n, 0x8fffn, 'rom'),
    ]);

    /** What is asked of each place, and what has become of it. */
    interface Place extends HostBytes {
      readonly asked: { readonly position: number; readonly length: number }[][];
      closed: number;
    }

    function placeOf(finish: () => Promise<void> | undefined = () => undefined): Place {
      const place: Place = {
        asked: [],
        closed: 0,
        read(pieces: readonly HostPiece[]) {
          place.asked.push(pieces.map(({ position, target }) => ({ position, length: target.length })));
          for (const { position, target } of pieces) target.fill(position >> 12);
          return finish();
        },
        close: () => {
          place.closed += 1;
        },
      };
      return place;
    }

    function memoryIn(one: HostBytes, other: HostBytes): HostMemory {
      const placed = [
        [one, 0x10000],
        [one, 0x12000],
        [other, 0x50000],
      ] as const;
      const sources = new Map<Region, RegionSource>();
      MAP.regions.forEach((part, at) => {
        const [bytes, position] = placed[at] ?? [one, 0];
        const block = { name: part.name, regions: [part], verdict: 'same' } as const;
        sources.set(part, { kind: 'host-process', bytes, position, block });
      });
      return new HostMemory('host-process', MAP, sources, []);
    }

    /** Pieces whose bytes go side by side, from the start of one buffer on. */
    function sideBySide(...pieces: readonly (readonly [address: number, length: number])[]) {
      const arena = new ArrayBuffer(0x8000);
      let next = 0;
      return pieces.map(([address, length]) => {
        const bytes = new Uint8Array(arena, next, length);
        next += length;
        return { address, bytes };
      });
    }

    it('is asked once for neighbours, as far as their region goes, and once for each place', () => {
      const [one, other] = [placeOf(), placeOf()];
      const memory = memoryIn(one, other);
      const pieces = sideBySide(
        [0x0, 0x800],
        [0x800, 0x800],
        [0x1000, 0x1000],
        [0x2000, 0x1000],
        [0x3000, 8],
        [0x8010, 8],
        [0x8018, 8],
        [0x8028, 8],
        [0x3008, 8],
      );
      expect(readAll(memory, pieces)).to.equal(undefined);
      expect(one.asked).to.deep.equal([
        [
          { position: 0x10000, length: 0x2000 },
          { position: 0x12000, length: 0x1008 },
          { position: 0x13008, length: 8 },
        ],
      ]);
      expect(other.asked).to.deep.equal([
        [
          { position: 0x50010, length: 16 },
          { position: 0x50028, length: 8 },
        ],
      ]);
      expect(pieces.map(({ bytes }) => bytes.at(-1))).to.deep.equal([
        0x10, 0x10, 0x10, 0x12, 0x12, 0x50, 0x50, 0x50, 0x13,
      ]);
    });

    it('is not asked for neighbours at once whose bytes go to other buffers, or apart in one', () => {
      const [one, other] = [placeOf(), placeOf()];
      const memory = memoryIn(one, other);
      const arena = new ArrayBuffer(64);
      const pieces = [
        { address: 0x0, bytes: new Uint8Array(arena, 0, 8) },
        { address: 0x8, bytes: new Uint8Array(arena, 16, 8) },
        { address: 0x10, bytes: new Uint8Array(new ArrayBuffer(32), 24, 8) },
        { address: 0x18, bytes: new Uint8Array(arena, 32, 8) },
        { address: 0x28, bytes: new Uint8Array(arena, 40, 8) },
        { address: 0x30, bytes: new Uint8Array(arena, 48, 8) },
      ];
      expect(readAll(memory, pieces)).to.equal(undefined);
      expect(one.asked).to.deep.equal([
        [
          { position: 0x10000, length: 8 },
          { position: 0x10008, length: 8 },
          { position: 0x10010, length: 8 },
          { position: 0x10018, length: 8 },
          { position: 0x10028, length: 16 },
        ],
      ]);
      expect(other.asked).to.deep.equal([]);
    });

    it('knows the block at each address, whichever came before', () => {
      const memory = memoryIn(placeOf(), placeOf());
      const names = [0, 0x1fff, 0x2000, 0x1fff, 0x3fff, 0x4000, 0x7fff, 0x8000, 0x8fff, 0x9000, 0x8000, 0].map(
        (address) => memory.blockAt(address)?.name,
      );
      expect(names).to.deep.equal([
        ...['low', 'low', 'high', 'low', 'high', undefined, undefined, 'rom', 'rom', undefined, 'rom', 'low'],
      ]);
    });

    it('is read when each place has been, and fails with any', async () => {
      let arrive = (): void => {};
      const arrived = new Promise<void>((resolve) => {
        arrive = resolve;
      });
      const memory = memoryIn(
        placeOf(() => Promise.resolve()),
        placeOf(() => arrived),
      );
      const pieces = sideBySide([0, 8], [0x8000, 8]);
      let isRead = false;
      const reading = readAll(memory, pieces)?.then((answer) => {
        isRead = true;
        return answer;
      });
      await new Promise(setImmediate);
      expect(isRead).to.equal(false);
      arrive();
      expect(await reading).to.equal(undefined);
      expect(isRead).to.equal(true);
      const failure = new RangeError('it is gone');
      const failing = memoryIn(
        placeOf(),
        placeOf(() => Promise.reject(failure)),
      );
      expect(await expectRejection(readAll(failing, pieces) ?? Promise.resolve())).to.equal(failure);
    });

    it('closes each place once', () => {
      const [one, other] = [placeOf(), placeOf()];
      memoryIn(one, other)[Symbol.dispose]();
      expect([one.closed, other.closed]).to.deep.equal([1, 1]);
    });
  });
});
