import { expect } from 'chai';
import { MemoryMap } from '../../../../src/guest/memory/memory-map.ts';
import { PageCache } from '../../../../src/guest/memory/page-cache.ts';
import { LastTables } from '../../../../src/guest/walks/last-tables.ts';
import { runWalks } from '../../../../src/guest/walks/run-walks.ts';
import { halvesOf, walkMany } from '../../../../src/guest/walks/walk-many.ts';
import { createContext, OUTCOME, startWalk, toTranslation, Walk } from '../../../../src/paging/internal.ts';
import { FakeMemory } from '../../../support/fakes/fake-memory.ts';
import { region } from '../../../support/fakes/region.ts';

const READ = { write: false, user: false, exec: false };
const LONG = createContext({ cr0: 0x8001_0011n, cr3: 0x1000n, cr4: 0x20n, efer: 0xd00n }, { maxPhyAddr: 46 });
const LEGACY = createContext({ cr0: 0x8001_0011n, cr3: 0x1000n, cr4: 0n, efer: 0n }, { maxPhyAddr: 36 });
const OFF = createContext({ cr0: 0x11n, cr3: 0n, cr4: 0n, efer: 0n }, { maxPhyAddr: 46 });

/** RAM to 0x7fff, and half a page more; then a device. */
const MAP = new MemoryMap([
  region('ram', 0n, 0x87ffn),
  region('device', 0x9000n, 0x9fffn, 'device', 0n),
  region('rom', 0xa000n, 0xafffn, 'rom', 0n),
]);

/** PML4, PDPT, PD and PT at 0x1000, 0x2000, 0x3000 and 0x4000; page 5 of the PT is mapped, and much else goes wrong. */
function guestMemory(): FakeMemory {
  const memory = new FakeMemory(0xb000);
  memory.setEntry(0x1000, 0x2007n);
  memory.setEntry(0x1008, 0x9007n); // in a device
  memory.setEntry(0x1010, 0x7000_0000_0007n); // reserved bits
  memory.setEntry(0x1018, 0x10_0000_0007n); // nowhere
  memory.setEntry(0x2000, 0x3007n);
  memory.setEntry(0x2008, 0x87n); // a 1 GB page
  memory.setEntry(0x3000, 0x4007n);
  memory.setEntry(0x3008, 0x8007n); // a table of which half a page is RAM
  memory.setEntry(0x3010, 0xa007n); // a table in ROM
  memory.setEntry(0x4028, 0x6_5007n);
  memory.setEntry(0xa000, 0x7007n);
  return memory;
}

const MAPPED = 0x5123n;
const NOT_PRESENT = 0x6000n;
const LARGE = 1n << 30n;
const IN_DEVICE = 1n << 39n;
const RESERVED = 2n << 39n;
const NOWHERE = 3n << 39n;
const HALF_PAGE_FIRST = 1n << 21n;
const HALF_PAGE_LAST = (1n << 21n) | (0x1ffn << 12n);
const IN_ROM = 2n << 21n;

const EVERYTHING: Readonly<Record<string, { address: bigint; outcome: string }>> = {
  mapped: { address: MAPPED, outcome: '0x65123' },
  'not present': { address: NOT_PRESENT, outcome: 'not-present' },
  'a large page': { address: LARGE + 0x1234n, outcome: '0x1234' },
  'a table in a device': { address: IN_DEVICE, outcome: 'unbacked-table' },
  'reserved bits': { address: RESERVED, outcome: 'reserved-bits' },
  'a table nowhere': { address: NOWHERE, outcome: 'unbacked-table' },
  'the RAM half of a table': { address: HALF_PAGE_FIRST, outcome: 'not-present' },
  'the other half': { address: HALF_PAGE_LAST, outcome: 'unbacked-table' },
  'a table in ROM': { address: IN_ROM, outcome: '0x7000' },
  'not canonical': { address: 0x5000_0000_0000_0000n, outcome: 'non-canonical' },
};

function outcomeOf(walk: Walk): string {
  const translation = toTranslation(walk);
  return translation.kind === 'mapped' ? `0x${translation.physicalAddress.toString(16)}` : translation.cause;
}

/** What every way to run walks has to do; each gives the outcomes in order. */
function itRunsWalks(run: (addresses: readonly bigint[], memory: FakeMemory) => Promise<string[]>): void {
  for (const [what, { address, outcome }] of Object.entries(EVERYTHING)) {
    it(what, async () => {
      expect(await run([address], guestMemory())).to.deep.equal([outcome]);
    });
  }

  it('all of them together, with as many flights as there are levels', async () => {
    const memory = guestMemory();
    const cases = Object.values(EVERYTHING);
    const outcomes = await run(
      cases.map(({ address }) => address),
      memory,
    );
    expect(outcomes).to.deep.equal(cases.map(({ outcome }) => outcome));
    expect(memory.flights).to.have.length(4);
  });

  it('never reads a device', async () => {
    const memory = guestMemory();
    await run([IN_DEVICE, HALF_PAGE_LAST, NOWHERE], memory);
    const ends = memory.flights.flat().map((each) => {
      const [, address = '', length = ''] = /^r (0x[0-9a-f]+)\+(\d+)$/.exec(each) ?? [];
      return Number(address) + Number(length);
    });
    expect(Math.max(...ends)).to.be.at.most(0x8800);
  });

  it('reads once what several walks want', async () => {
    const memory = guestMemory();
    await run([MAPPED, MAPPED, NOT_PRESENT, MAPPED], memory);
    expect(memory.flights.slice(0, 3).map((flight) => flight.length)).to.deep.equal([1, 1, 1]);
    expect(new Set(memory.flights.flat()).size).to.equal(memory.flights.flat().length);
  });

  it('asks nothing when there is nothing to ask', async () => {
    const memory = guestMemory();
    expect(await run([], memory)).to.deep.equal([]);
    expect(await run([0x5000_0000_0000_0000n], memory)).to.deep.equal(['non-canonical']);
    expect(memory.flights).to.deep.equal([]);
  });
}

describe('walks that advance together', () => {
  describe('entry by entry', () => {
    itRunsWalks(async (addresses, memory) => {
      const walks = addresses.map((address) => {
        const walk = new Walk(LONG);
        startWalk(walk, address, READ);
        return walk;
      });
      await runWalks(walks, memory, MAP);
      return walks.map(outcomeOf);
    });

    it('with 4-byte entries', async () => {
      const memory = new FakeMemory(0xb000);
      new DataView(memory.bytes.buffer).setUint32(0x1000, 0x2007, true);
      new DataView(memory.bytes.buffer).setUint32(0x2004, 0x7007, true);
      const walk = new Walk(LEGACY);
      startWalk(walk, 0x1abcn, READ);
      await runWalks([walk], memory, MAP);
      expect(outcomeOf(walk)).to.equal('0x7abc');
      expect(toTranslation(walk).steps.map(({ value, sizeBytes }) => [value, sizeBytes])).to.deep.equal([
        [0x2007n, 4],
        [0x7007n, 4],
      ]);
      expect(memory.flights).to.deep.equal([['r 0x1000+4'], ['r 0x2004+4']]);
    });

    it('without paging nothing is read', async () => {
      const memory = guestMemory();
      const walk = new Walk(OFF);
      startWalk(walk, 0x1234n, READ);
      await runWalks([walk], memory, MAP);
      expect([outcomeOf(walk), memory.flights.length]).to.deep.equal(['0x1234', 0]);
    });

    it('refuses memory that gives no bytes', async () => {
      const walk = new Walk(LONG);
      startWalk(walk, MAPPED, READ);
      const failure = runWalks([walk], { read: () => Promise.resolve([]) }, MAP).then(
        () => 'fulfilled',
        (error: unknown) => String(error),
      );
      expect(await failure).to.match(/RangeError: memory gave no bytes/);
    });
  });

  describe('page by page', () => {
    async function runMany(
      addresses: readonly bigint[],
      cache: PageCache,
      context = LONG,
      known = new LastTables(context),
    ): Promise<string[]> {
      const outcomes: string[] = [];
      const columns = {
        halves: halvesOf(BigUint64Array.from(addresses)),
        accesses: new Uint16Array(addresses.length),
      };
      await walkMany(
        context,
        columns,
        cache,
        (index, walk) => {
          expect(walk.outcome).not.to.equal(OUTCOME.pending);
          outcomes[index] = outcomeOf(walk);
        },
        known,
      );
      return outcomes;
    }

    itRunsWalks((addresses, memory) => runMany(addresses, new PageCache(memory, MAP)));

    it('goes on at the tables that a batch before has come to, whichever these are', async () => {
      const all = Object.values(EVERYTHING);
      const memory = guestMemory();
      const cache = new PageCache(memory, MAP);
      const known = new LastTables(LONG);
      // Their last tables, and nothing behind them, are known by then.
      await runMany([NOT_PRESENT, HALF_PAGE_FIRST, IN_ROM + 0x1000n, LARGE], cache, LONG, known);
      const { flights } = cache;
      for (let round = 0; round < 2; round += 1) {
        const outcomes = await runMany(
          all.map(({ address }) => address),
          cache,
          LONG,
          known,
        );
        expect(outcomes).to.deep.equal(all.map(({ outcome }) => outcome));
      }
      expect(await runMany([MAPPED, IN_ROM], cache, LONG, known)).to.deep.equal(['0x65123', '0x7000']);
      expect(cache.flights - flights, 'for what only the later batch asks').to.be.at.most(1);
    });

    it('goes on where its tables were fetched one after the other, in however many pieces', async () => {
      const tables = 40;
      const memory = new FakeMemory(0x4000 + tables * 0x1000);
      const map = new MemoryMap([region('ram', 0n, BigInt(memory.bytes.length) - 1n)]);
      memory.setEntry(0x1000, 0x2007n);
      memory.setEntry(0x2000, 0x3007n);
      for (let table = 0; table < tables; table += 1) {
        const at = 0x4000 + table * 0x1000;
        memory.setEntry(0x3000 + table * 8, BigInt(at) | 7n);
        for (let entry = 0; entry < 512; entry += 1) memory.setEntry(at + entry * 8, BigInt(at + entry) * 0x1000n + 7n);
      }
      const cache = new PageCache(memory, map);
      const known = new LastTables(LONG);
      const linear = (table: number, entry: number) => BigInt(table) * 0x20_0000n + BigInt(entry) * 0x1000n;
      const leadsTo = (table: number, entry: number) =>
        `0x${((0x4000 + table * 0x1000 + entry) * 0x1000).toString(16)}`;
      for (let table = 0; table < tables; table += 1) {
        expect(await runMany([linear(table, 7)], cache, LONG, known)).to.deep.equal([leadsTo(table, 7)]);
      }
      const all = Array.from({ length: tables * 20 }, (_, at) => [(at * 7) % tables, (at * 31) % 512] as const);
      for (let round = 0; round < 2; round += 1) {
        const outcomes = await runMany(
          all.map(([table, entry]) => linear(table, entry)),
          cache,
          LONG,
          known,
        );
        expect(outcomes).to.deep.equal(all.map(([table, entry]) => leadsTo(table, entry)));
      }
      expect(known.buffers.length).to.be.within(1, 16);
    });

    it('finds tables in the first page of memory, too', async () => {
      const memory = new FakeMemory(0x3000);
      const map = new MemoryMap([region('ram', 0n, 0x2fffn)]);
      const atZero = createContext({ cr0: 0x8001_0011n, cr3: 0n, cr4: 0x20n, efer: 0xd00n }, { maxPhyAddr: 46 });
      // The root leads to itself; what it leads to in the end are pages.
      memory.setEntry(0, 0x7n);
      memory.setEntry(8, 0x1007n);
      memory.setEntry(0x1000, 0x2007n);
      memory.setEntry(0x2008, 0x3_3007n);
      const addresses = [0n, 0x1000n, 0x20_0000n, 0x4000_1000n, 0x80_0000_0000n];
      expect(await runMany(addresses, new PageCache(memory, map), atZero)).to.deep.equal([
        ...['0x0', '0x1000', '0x2000', '0x33000', 'not-present'],
      ]);
    });

    it('fetches nothing but what walks come to', async () => {
      const cache = new PageCache(guestMemory(), MAP);
      await runMany([LARGE, LARGE + 5n], cache);
      expect(cache.pages.map(([page]) => page)).to.deep.equal([1, 2]);
    });

    it('goes on where a batch before has come to tables that the cache has not', async () => {
      const known = new LastTables(LONG);
      const asked = [NOWHERE, MAPPED];
      const outcomes = ['unbacked-table', '0x65123'];
      expect(await runMany(asked, new PageCache(guestMemory(), MAP), LONG, known)).to.deep.equal(outcomes);
      expect(await runMany(asked, new PageCache(guestMemory(), MAP), LONG, known)).to.deep.equal(outcomes);
    });

    it('keeps tables apart that want the same place among those at hand', async () => {
      const memory = new FakeMemory(0x7000);
      const map = new MemoryMap([region('ram', 0n, 0x6fffn)]);
      memory.setEntry(0x1000, 0x2007n);
      memory.setEntry(0x2000, 0x3007n);
      memory.setEntry(0x2020, 0x4007n);
      memory.setEntry(0x3080, 0x5007n);
      memory.setEntry(0x4000, 0x6007n);
      memory.setEntry(0x5000, 0x5_5007n);
      memory.setEntry(0x6000, 0x6_6007n);
      const [one, other] = [0x200_0000n, 0x1_0000_0000n];
      const asked = [one, other, one, other, other, one];
      const cache = new PageCache(memory, map);
      const known = new LastTables(LONG);
      for (let round = 0; round < 3; round += 1) {
        expect(await runMany(asked, cache, LONG, known)).to.deep.equal(
          asked.map((address) => (address === one ? '0x55000' : '0x66000')),
        );
      }
    });

    it('a cache keeps what was read, and what is nowhere, for the next question', async () => {
      const memory = guestMemory();
      const cache = new PageCache(memory, MAP);
      await runMany([MAPPED, NOWHERE], cache);
      const { flights } = cache;
      expect(await runMany([MAPPED, NOWHERE, NOT_PRESENT], cache)).to.deep.equal([
        '0x65123',
        'unbacked-table',
        'not-present',
      ]);
      expect(cache.flights).to.equal(flights);
      expect(memory.flights).to.have.length(flights);
    });

    it('a cache follows what is written through it, and only that', async () => {
      const memory = guestMemory();
      const cache = new PageCache(memory, MAP);
      await runMany([MAPPED], cache);
      cache.writeThrough(0x4028, 0);
      cache.writeThrough(0x8000, 0xff);
      expect(await runMany([MAPPED], cache)).to.deep.equal(['not-present']);
      expect(cache.words(8), 'a page that was not read').to.equal(undefined);
    });

    it('a cache that is full forgets the oldest page first', async () => {
      const cache = new PageCache(guestMemory(), MAP, 2);
      await cache.load([1, 2]);
      await cache.load([3]);
      expect([1, 2, 3].map((page) => cache.words(page) === undefined)).to.deep.equal([true, false, false]);
    });
  });
});
