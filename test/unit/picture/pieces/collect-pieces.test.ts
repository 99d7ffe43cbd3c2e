import { expect } from 'chai';
import { createContext, enumerateLeaves, type MappedLeaf, type PageSource } from '../../../../src/paging/index.ts';
import { collectPieces } from '../../../../src/picture/pieces/collect-pieces.ts';
import { type Pieces, physicalPageOf, pieceAt } from '../../../../src/picture/pieces/pieces.ts';
import { Random } from '../../../support/random/random.ts';

const context = createContext({ cr0: 0x8001_0011n, cr3: 0x1000n, cr4: 0x20n, efer: 0xd00n }, { maxPhyAddr: 40 });

/** Tables of a few pages each, which lead to each other as they like, with leaves in between. */
function randomTables(seed: number): PageSource {
  const random = new Random(seed);
  const tables = Array.from({ length: 12 }, () => {
    const words = new Int32Array(1024);
    let frame = random.below(1 << 20);
    for (let at = 0; at < 512; at += 1) {
      if (random.below(3) === 0) frame = random.below(1 << 20);
      else frame += 1;
      const kind = random.below(8);
      const flags = 0x1 | (random.below(4) << 1) | (random.below(8) === 0 ? random.below(4) << 5 : 0x60);
      if (kind < 3) words[2 * at] = (frame << 12) | flags;
      if (kind === 3 && random.below(40) === 0) words[2 * at] = ((1 + random.below(12)) << 12) | 0x7;
      if (kind === 4) words[2 * at] = ((frame & ~511) << 12) | flags | 0x80;
    }
    return words;
  });
  return (page) => tables[page - 1] ?? null;
}

/** Few leaves of the upper levels lead to a table: the first ones do. */
function randomSpace(seed: number): PageSource {
  const pageOf = randomTables(seed);
  const level = (next: number): Int32Array => {
    const words = new Int32Array(1024);
    words[0] = (next << 12) | 0x67;
    words[4] = (next << 12) | 0x67;
    words[1022] = (next << 12) | 0x65;
    return words;
  };
  const upper = new Map([
    [1, level(100)],
    [100, level(101)],
    [101, level(2)],
  ]);
  return (page, of) => upper.get(page) ?? pageOf(page, of);
}

function leavesOf(pageOf: PageSource): readonly MappedLeaf[] {
  const leaves: MappedLeaf[] = [];
  enumerateLeaves(context, pageOf, (leaf) => leaves.push(leaf) < 100_000);
  return leaves;
}

/** What pieces say of a leaf, in the same words. */
function pieceOf(pieces: Pieces, leaf: MappedLeaf): string {
  const page = Number(BigInt.asUintN(48, leaf.address) >> 12n);
  const at = pieceAt(pieces, page);
  const share = (count: Float64Array): number => (count[at] as number) / (pieces.leaves[at] as number);
  const attributes = pieces.attributes[at] as number;
  const [write, user, global] = [2, 4, 0x100].map((bit) => (attributes & bit) !== 0);
  const place = `physical ${physicalPageOf(pieces, at, page)}, size ${2 ** (pieces.shift[at] as number)}`;
  return `${place}, A=${share(pieces.accessed)} D=${share(pieces.dirty)}, write ${write}, user ${user}, global ${global}`;
}

describe('picture/collectPieces', () => {
  it('says of each page what its leaf says, and knows of no other pages', () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const pageOf = randomSpace(seed);
      const leaves = leavesOf(pageOf);
      const pieces = collectPieces({ context, nested: null, pageOf }, { most: 1_000_000 });
      expect(pieces.detail).to.equal('pages');
      expect(pieces.leaves.reduce((sum, each) => sum + each, 0)).to.equal(leaves.length);
      for (const leaf of leaves) {
        const { write, user } = leaf.rights;
        const place = `physical ${leaf.physicalAddress >> 12n}, size ${leaf.sizeBytes}`;
        const used = `A=${Number(leaf.accessed)} D=${Number(leaf.dirty)}`;
        const known = `${place}, ${used}, write ${write}, user ${user}, global ${leaf.global}`;
        const told = pieceOf(pieces, leaf);
        // There are a million of them: what is right is not said.
        if (told !== known) expect(told, `seed ${seed}, ${leaf.address.toString(16)}`).to.equal(known);
      }
    }
  });

  it('keeps ranges where pages are too many, and says so', () => {
    const pageOf = randomSpace(3);
    const whole = collectPieces({ context, nested: null, pageOf }, { most: 1_000_000 });
    const few = collectPieces({ context, nested: null, pageOf }, { most: whole.length - 1 });
    expect(few.detail).to.not.equal('pages');
    expect(few.leaves.reduce((sum, each) => sum + each, 0)).to.equal(whole.leaves.reduce((sum, each) => sum + each, 0));
  });

  it('goes through a table that is shared a million times once', () => {
    // As KASAN's shadow: all entries of each level lead to the next one, and all pages are one.
    const full = (next: number): Int32Array =>
      Int32Array.from({ length: 1024 }, (_, at) => (at % 2 === 0 ? (next << 12) | 0x63 : 0));
    const tables = new Map([1, 2, 3, 4].map((page) => [page, full(page + 1)]));
    const startMs = performance.now();
    const pieces = collectPieces({ context, nested: null, pageOf: (page) => tables.get(page) ?? null }, { most: 1000 });
    expect(performance.now() - startMs).to.be.below(5000);
    expect(pieces.length).to.equal(2);
    expect(pieces.pages.reduce((sum, each) => sum + each, 0)).to.equal(2 ** 36);
    expect(physicalPageOf(pieces, 1, 2 ** 35 + 12345)).to.equal(5);
  });
});
