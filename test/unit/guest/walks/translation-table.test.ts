import { expect } from 'chai';
import { TranslationTable } from '../../../../src/guest/walks/translation-table.ts';
import { createContext } from '../../../../src/paging/index.ts';
import { startWalk, Walk } from '../../../../src/paging/internal.ts';

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
