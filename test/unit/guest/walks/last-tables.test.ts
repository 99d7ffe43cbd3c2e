import { expect } from 'chai';
import { LAST_TABLES, LastTables } from '../../../../src/guest/walks/last-tables.ts';
import { createContext } from '../../../../src/paging/index.ts';

const LONG = createContext({ cr0: 0x8001_0011n, cr3: 0x1000n, cr4: 0x20n, efer: 0xd00n }, { maxPhyAddr: 46 });
const PAGE_WORDS = 1024;
const PAGE_BYTES = 4096;

/** Pages that were fetched together: each word is its own number. */
function fetched(pages: number): Int32Array[] {
  const buffer = Int32Array.from({ length: pages * PAGE_WORDS }, (_, at) => at).buffer;
  return Array.from({ length: pages }, (_, at) => new Int32Array(buffer, at * PAGE_BYTES, PAGE_WORDS));
}

describe('LastTables', () => {
  it('has nothing at hand at first, and room for the tables of 8 GiB', () => {
    const known = new LastTables(LONG);
    expect(LAST_TABLES).to.equal(4096);
    expect(known.buffers).to.deep.equal([]);
    expect([known.firstWordOf.length, known.bufferOf.length]).to.deep.equal([LAST_TABLES, LAST_TABLES]);
    expect(known.firstWordOf.every((word) => word < 0)).to.equal(true);
  });

  it('keeps where in which buffer the words of each table are', () => {
    const known = new LastTables(LONG);
    const [one, other] = [fetched(3), fetched(2)];
    known.keep(7, one[2] ?? null);
    known.keep(8, other[1] ?? null);
    known.keep(9, one[0] ?? null);
    expect(known.buffers).to.have.length(2);
    expect([7, 8, 9].map((at) => [known.bufferOf[at], known.firstWordOf[at]])).to.deep.equal([
      [0, 2 * PAGE_WORDS],
      [1, PAGE_WORDS],
      [0, 0],
    ]);
    expect(known.buffers[0], 'all that was fetched together').to.deep.equal(
      Int32Array.from({ length: 3 * PAGE_WORDS }, (_, at) => at),
    );
    known.keep(7, null);
    expect([known.firstWordOf[7], known.firstWordOf[9]], 'a table in no memory').to.deep.equal([-1, 0]);
  });

  it('forgets all where there would be more than 16 buffers', () => {
    const known = new LastTables(LONG);
    for (let at = 0; at < 16; at += 1) known.keep(at, fetched(1)[0] ?? null);
    expect(known.buffers).to.have.length(16);
    expect(Array.from(known.firstWordOf.subarray(0, 17))).to.deep.equal([...new Array(16).fill(0), -1]);
    known.keep(20, fetched(2)[1] ?? null);
    expect(known.buffers).to.have.length(1);
    expect(Array.from(known.firstWordOf.subarray(0, 21))).to.deep.equal([...new Array(20).fill(-1), PAGE_WORDS]);
    expect(known.bufferOf[20]).to.equal(0);
  });
});
