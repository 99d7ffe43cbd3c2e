import { expect } from 'chai';
import { loadTables } from '../../../../src/guest/memory/load-tables.ts';
import { MemoryMap } from '../../../../src/guest/memory/memory-map.ts';
import { PageCache } from '../../../../src/guest/memory/page-cache.ts';
import type { PhysicalMemory } from '../../../../src/guest/memory/physical-memory.ts';
import { parseNestedStage } from '../../../../src/guest/vcpu/nested-state.ts';
import { sourced } from '../../../../src/guest/vcpu/sourced.ts';
import { contextOf, nestedContextOf } from '../../../../src/guest/vcpu/vcpu-state.ts';
import { region } from '../../../support/fakes/region.ts';
import { vcpuStateWith } from '../../../support/fakes/sourced-state.ts';

const PAGE = 4096;
const MAP = new MemoryMap([region('ram', 0n, 0xffff_ffffn)]);
/** Present, writable, for users. */
const TABLE = 7n;

/** Tables by page: which entries of each lead to which pages. What is read is noted, in whole pages and flight by flight. */
function memoryOf(tables: ReadonlyMap<number, readonly (readonly [index: number, page: number])[]>): {
  readonly memory: PhysicalMemory;
  readonly flights: number[][];
} {
  const flights: number[][] = [];
  const read: PhysicalMemory['read'] = async (pieces) => {
    flights.push(pieces.map(({ address }) => address / PAGE));
    return pieces.map(({ address, lengthBytes }) => {
      const bytes = new Uint8Array(lengthBytes);
      const view = new DataView(bytes.buffer);
      for (const [index, page] of tables.get(address / PAGE) ?? []) {
        view.setBigUint64(8 * index, (BigInt(page) << 12n) | TABLE, true);
      }
      return bytes;
    });
  };
  return { memory: { read }, flights };
}

/** In 4-level paging with the root in page 1, two page directories and three tables below them, one of them twice. */
const TREE = new Map([
  [1, [[0, 2] as const, [256, 3] as const]],
  [2, [[1, 4] as const]],
  [3, [[511, 5] as const, [510, 4] as const]],
  [4, [[0, 8] as const]],
  [5, [[7, 7] as const, [8, 8] as const, [9, 6] as const]],
  [6, [[0, 99] as const]],
]);

describe('fetching the tables of an address space', () => {
  it('takes a flight for each level, each page once, and none below the last', async () => {
    const { memory, flights } = memoryOf(TREE);
    const cache = new PageCache(memory, MAP);
    const progress: [number, number][] = [];
    const context = contextOf(vcpuStateWith());
    const isWhole = await loadTables(context, null, cache, {}, (loaded, known) => progress.push([loaded, known]));
    expect(isWhole).to.equal(true);
    expect(flights).to.deep.equal([[1], [2, 3], [4, 5], [6, 7, 8]]);
    expect(progress).to.deep.equal([
      [1, 1],
      [3, 3],
      [5, 5],
      [8, 8],
    ]);
    expect(await loadTables(context, null, cache, {})).to.equal(true);
    expect(flights, 'all is there').to.have.length(4);
  });

  it('is told which part of the address space is wanted', async () => {
    const { memory, flights } = memoryOf(TREE);
    const options = { firstPage: 256 * 2 ** 27 };
    expect(await loadTables(contextOf(vcpuStateWith()), null, new PageCache(memory, MAP), options)).to.equal(true);
    expect(flights).to.deep.equal([[1], [3], [4, 5], [6, 7, 8]]);
  });

  it('ends early where nothing is missing', async () => {
    const { memory, flights } = memoryOf(new Map([[1, []]]));
    const progress: [number, number][] = [];
    const context = contextOf(vcpuStateWith());
    await loadTables(context, null, new PageCache(memory, MAP), {}, (...each) => progress.push(each));
    expect(flights).to.deep.equal([[1]]);
    expect(progress).to.deep.equal([[1, 1]]);
  });

  it('stops where the cache is full, and says so', async () => {
    for (const [room, expected] of [
      [0, []],
      [1, [[1]]],
      [4, [[1], [2, 3], [4]]],
      [7, [[1], [2, 3], [4, 5], [7, 8]]],
    ] as const) {
      const { memory, flights } = memoryOf(TREE);
      const cache = new PageCache(memory, MAP, room);
      const loaded: number[] = [];
      const told = (pages: number): void => void loaded.push(pages);
      expect(await loadTables(contextOf(vcpuStateWith()), null, cache, {}, told), `${room}`).to.equal(false);
      expect(loaded, `${room}`).to.deep.equal(expected.map((_, at) => expected.slice(0, at + 1).flat().length));
      expect(flights, `${room}`).to.deep.equal(expected);
      expect(cache.hasForgotten).to.equal(false);
    }
    const { memory } = memoryOf(TREE);
    expect(await loadTables(contextOf(vcpuStateWith()), null, new PageCache(memory, MAP, 8), {})).to.equal(true);
  });

  it('fetches 2048 at a time, and says after each how far it has come', async () => {
    const wide = new Map<number, readonly (readonly [number, number])[]>();
    const all = Array.from({ length: 512 }, (_, index) => index);
    wide.set(
      1,
      all.map((index) => [index, 0x1000 + index] as const),
    );
    for (const each of all) {
      const few = Array.from({ length: each < 2 ? 6 : 4 }, (_, index) => index);
      wide.set(
        0x1000 + each,
        few.map((index) => [index, 0x2000 + 8 * each + index] as const),
      );
    }
    const { memory, flights } = memoryOf(wide);
    const progress: [number, number][] = [];
    const cache = new PageCache(memory, MAP);
    await loadTables(contextOf(vcpuStateWith()), null, cache, {}, (...each) => progress.push(each));
    expect(flights.map(({ length }) => length)).to.deep.equal([1, 512, 2048, 4]);
    expect(progress).to.deep.equal([
      [1, 1],
      [513, 513],
      [2561, 2565],
      [2565, 2565],
    ]);
  });

  describe('behind a second stage', () => {
    /** The guest's pages 0 to 511 are the host's 0x200 to 0x3ff; the stage's tables are in 0x10 to 0x13. */
    const stage = new Map([
      [0x10, [[0, 0x11] as const]],
      [0x11, [[0, 0x12] as const]],
      [0x12, [[0, 0x13] as const]],
      [0x13, Array.from({ length: 512 }, (_, index) => [index, 0x200 + index] as const)],
      [0x201, [[0, 2] as const]],
      [0x202, [[0, 3] as const]],
      [0x203, [[0, 4] as const]],
    ]);
    const state = vcpuStateWith({
      cr3: sourced(0x1000n, 'given', ''),
      nested: sourced(parseNestedStage('npt:0x10000'), 'given', ''),
    });

    it('fetches all tables of that first, then the guest’s, where the stage leads to', async () => {
      const { memory, flights } = memoryOf(stage);
      const cache = new PageCache(memory, MAP);
      expect(await loadTables(contextOf(state), nestedContextOf(state), cache, {})).to.equal(true);
      expect(flights).to.deep.equal([[0x10], [0x11], [0x12], [0x13], [0x201], [0x202], [0x203], [0x204]]);
    });

    it('does not begin with the guest’s where the stage is not all there', async () => {
      const { memory, flights } = memoryOf(stage);
      const progress: [number, number][] = [];
      const cache = new PageCache(memory, MAP, 3);
      const told = (...each: [number, number]): void => void progress.push(each);
      expect(await loadTables(contextOf(state), nestedContextOf(state), cache, {}, told)).to.equal(false);
      expect(flights).to.deep.equal([[0x10], [0x11], [0x12]]);
      expect(progress).to.deep.equal([
        [1, 1],
        [2, 2],
        [3, 3],
      ]);
    });
  });
});
