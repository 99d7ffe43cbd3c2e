import { expect } from 'chai';
import { TranslationTable } from '../../../../src/guest/walks/translation-table.ts';
import { createContext } from '../../../../src/paging/index.ts';
import { OUTCOME, startWalk, Walk } from '../../../../src/paging/internal.ts';

const READ = { write: false, user: false, exec: false };
const context = createContext({ cr0: 0x11n, cr3: 0n, cr4: 0n, efer: 0n }, { maxPhyAddr: 40 });

function tableOf(addresses: readonly bigint[]): TranslationTable {
  const table = new TranslationTable(addresses.length, context);
  const walk = new Walk(context);
  addresses.forEach((address, at) => {
    startWalk(walk, address, READ);
    table.set(at, walk);
  });
  return table;
}

describe('TranslationTable', () => {
  for (const count of [0, 1, 7]) {
    it(`is as long as its question, and so are its answers: ${count}`, () => {
      const table = tableOf(Array.from({ length: count }, (_, at) => BigInt(at) << 12n));
      expect(table.length).to.equal(count);
      expect(table.countMapped()).to.equal(count);
      expect(Array.from({ length: count }, (_, at) => table.physicalAddress(at))).to.deep.equal(
        Array.from({ length: count }, (_, at) => BigInt(at) << 12n),
      );
    });
  }

  it('has no address in L1 where there is one stage', () => {
    const table = tableOf([0x1000n]);
    expect([table.physicalAddress(0), table.l1PhysicalAddress(0)]).to.deep.equal([0x1000n, null]);
  });

  it('counts what is mapped, and blames an entry at address 0, too', () => {
    const long = createContext({ cr0: 0x8001_0011n, cr3: 0n, cr4: 0x20n, efer: 0xd00n }, { maxPhyAddr: 40 });
    const table = new TranslationTable(3, long);
    const walk = new Walk(long);
    for (const [at, entry] of [0, 1].entries()) {
      startWalk(walk, BigInt(at) << 39n, READ);
      // Not present, or a page of 1 GB behind one table.
      if (walk.feed(entry, 0)) walk.feed(0x87, 0);
      table.set(at, walk);
    }
    startWalk(walk, 1n << 50n, READ);
    table.set(2, walk);
    expect([0, 1, 2].map((at) => table.cause(at))).to.deep.equal(['not-present', null, 'non-canonical']);
    expect([0, 1, 2].map((at) => table.responsibleAddress(at))).to.deep.equal([0n, null, null]);
    expect([table.countMapped(), table.pageSizeBytes(1)]).to.deep.equal([1, 2 ** 30]);
  });

  it('tells a refused page from a refused table at the same address', () => {
    const [page, entry] = [new TranslationTable(1, context, true), new TranslationTable(1, context, true)];
    for (const [table, depth] of [
      [page, 0xff],
      [entry, 0],
    ] as const) {
      table.columns.outcomes[0] = OUTCOME.unbacked;
      table.columns.physical[0] = 0x5000;
      table.columns.depths[0] = depth;
    }
    expect([page.refusedPageAddress(0), entry.refusedPageAddress(0)]).to.deep.equal([0x5000n, null]);
    expect([page.responsibleAddress(0), entry.responsibleAddress(0)]).to.deep.equal([null, 0x5000n]);
    expect([page.isSameAt(0, entry), entry.isSameAt(0, page), page.isSameAt(0, page)]).to.deep.equal([
      ...[false, false, true],
    ]);
  });

  it('says nothing of an address that is not in the question', () => {
    const table = tableOf([0n]);
    for (const index of [1, -1]) {
      expect(table.at(index)).to.deep.equal({
        ...{ cause: null, physicalAddress: null, l1PhysicalAddress: null, pageSizeBytes: null, rights: null },
        ...{ errorCode: null, responsibleAddress: null, refusedPageAddress: null, assumed: [], deviates: null },
      });
      expect(table.isMapped(index)).to.equal(false);
    }
  });

  it('has a row for each address', () => {
    expect(tableOf([0n, 0x1000n, 0x2000n]).toJSON()).to.have.length(3);
  });
});
