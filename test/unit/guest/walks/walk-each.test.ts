import { expect } from 'chai';
import { MemoryMap } from '../../../../src/guest/memory/memory-map.ts';
import { PageCache } from '../../../../src/guest/memory/page-cache.ts';
import { TranslationTable } from '../../../../src/guest/walks/translation-table.ts';
import { walkEach } from '../../../../src/guest/walks/walk-each.ts';
import { createContext } from '../../../../src/paging/index.ts';
import { openNpt, twoStageLinear } from '../../../support/builders/hand-made-stages.ts';
import { HAND_MADE_HOST, nestedSpace, nestedVcpuStateWith } from '../../../support/builders/nested-space.ts';
import { FakeMemory } from '../../../support/fakes/fake-memory.ts';
import { region } from '../../../support/fakes/region.ts';

const READ = { write: false, user: false, exec: false };
const WRITE = { write: true, user: false, exec: false };
const LONG = createContext({ cr0: 0x8001_0011n, cr3: 0x1000n, cr4: 0x20n, efer: 0xd00n }, { maxPhyAddr: 46 });
const PAGES = 2 * 512;

/** Two tables of the last level at 0x4000 and 0x5000; page n leads to page 7n + 1, and each third may not be written. */
function tables(): PageCache {
  const memory = new FakeMemory(0x6000);
  memory.setEntry(0x1000, 0x2007n);
  memory.setEntry(0x2000, 0x3007n);
  memory.setEntry(0x3000, 0x4007n);
  memory.setEntry(0x3008, 0x5007n);
  for (let page = 0; page < PAGES; page += 1) {
    memory.setEntry(0x4000 + page * 8, BigInt(page * 7 + 1) * 0x1000n + (page % 3 === 0 ? 5n : 7n));
  }
  return new PageCache(memory, new MemoryMap([region('ram', 0n, 0x5fffn)]));
}

/** Which page of those that are mapped an index is about: not in order, and other pages in each batch. */
const pageOf = (at: number): number => (at * 31 + Math.floor(at / PAGES)) % PAGES;

describe('walkEach', () => {
  it('puts each answer in its place, of more addresses than are walked together', async () => {
    // 16384 are walked together.
    for (const count of [1, 16_384, 16_385, 2 * 16_384 + 3]) {
      const addresses = BigUint64Array.from({ length: count }, (_, at) => BigInt(pageOf(at)) * 0x1000n + 0x123n);
      const table = new TranslationTable(count, LONG);
      const cache = tables();
      await walkEach({ context: LONG, nested: null }, addresses, WRITE, cache, table);
      const wrong = Array.from({ length: count }, (_, at) => at).filter((at) => {
        const page = pageOf(at);
        const expected = page % 3 === 0 ? null : BigInt(page * 7 + 1) * 0x1000n + 0x123n;
        return table.physicalAddress(at) !== expected;
      });
      expect(wrong, `of ${count}`).to.deep.equal([]);
    }
  });

  it('only fetches what walks need where there is no table of answers', async () => {
    const cache = tables();
    await walkEach({ context: LONG, nested: null }, BigUint64Array.of(0x1000n, 0x20_0000n), READ, cache);
    expect(cache.pages.map(([page]) => page)).to.deep.equal([1, 2, 3, 4, 5]);
    const { space } = nestedSpace(nestedVcpuStateWith(), openNpt);
    const pages = await space.cache();
    const stages = { context: space.context, nested: space.nested?.context ?? null };
    await walkEach(stages, BigUint64Array.of(twoStageLinear), READ, pages);
    expect(pages.pages.map(([page]) => page)).to.deep.equal([0x10, 0x11, 0x12, 0x13, 0x21, 0x22, 0x23, 0x24]);
  });

  it('does so through two stages, too', async () => {
    const { space } = nestedSpace(nestedVcpuStateWith(), openNpt);
    const stages = { context: space.context, nested: space.nested?.context ?? null };
    const page = twoStageLinear & ~0xfffn;
    // 2048 are walked together. Every 16th lies beside what is mapped.
    for (const count of [2048, 2049, 4097]) {
      const isMapped = (at: number): boolean => at % 16 !== 5;
      const addresses = BigUint64Array.from({ length: count }, (_, at) => {
        return page + BigInt(at % 4096) + (isMapped(at) ? 0n : 0x1000n);
      });
      const table = new TranslationTable(count, space.context, true);
      await walkEach(stages, addresses, READ, await space.cache(), table);
      const wrong = Array.from({ length: count }, (_, at) => at).filter((at) => {
        const offset = BigInt(at % 4096);
        return (
          table.physicalAddress(at) !== (isMapped(at) ? 0x5000n + offset : null) ||
          table.l1PhysicalAddress(at) !== (isMapped(at) ? 0x2_5000n + offset : null)
        );
      });
      expect(wrong, `of ${count}`).to.deep.equal([]);
    }
  });

  it('finds tables of a second stage in the first page of memory, too', async () => {
    const state = nestedVcpuStateWith({}, { ...HAND_MADE_HOST, nestedCr3: 0n });
    const { space } = nestedSpace(state, { ...openNpt, '0x0': 0x1_1007n });
    const table = new TranslationTable(2, space.context, true);
    const stages = { context: space.context, nested: space.nested?.context ?? null };
    await walkEach(stages, BigUint64Array.of(twoStageLinear, 0n), READ, await space.cache(), table);
    expect([table.l1PhysicalAddress(0), table.cause(1)]).to.deep.equal([0x2_5abcn, 'not-present']);
  });

  it('walks for the access that is asked for', async () => {
    for (const [access, mapped] of [
      [READ, true],
      [WRITE, false],
    ] as const) {
      const table = new TranslationTable(1, LONG);
      await walkEach({ context: LONG, nested: null }, BigUint64Array.of(0x3000n), access, tables(), table);
      expect(table.isMapped(0)).to.equal(mapped);
    }
  });
});
