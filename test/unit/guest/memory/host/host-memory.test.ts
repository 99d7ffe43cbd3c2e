import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { MemoryMap, type Region } from '../../../../../src/guest/index.ts';
import { descriptorBytes } from '../../../../../src/guest/memory/host/descriptor-bytes.ts';
import { HostMemory, type RegionSource } from '../../../../../src/guest/memory/host/host-memory.ts';

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
});
