import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { expect } from 'chai';
import { toTranslate2Answer } from '../../../src/abi/index.ts';
import {
  type Alias,
  createContext,
  enumerateLeaves,
  enumerateRanges,
  findAliases,
  type MappedLeaf,
  type MappedRange,
  type PageSource,
  planBits,
  translate,
} from '../../../src/paging/index.ts';

const CONTEXT = createContext({ cr0: 0x8001_0011n, cr3: 0x1000n, cr4: 0x20n, efer: 0xd00n }, { maxPhyAddr: 46 });
const READ = { write: false, user: false, exec: false };
const FLAGS = { setAccessed: true, setDirty: false, forceSetAccessed: false };

/** Tables from page 1 on, whose last entries are these; the PML4 has them in the upper half too. */
function tables(...leaves: readonly bigint[]): { pageOf: PageSource; readEntry: (address: bigint) => bigint | null } {
  const memory = new BigUint64Array(5 * 512);
  memory[512] = 0x2007n;
  memory[512 + 256] = 0x2007n;
  memory[2 * 512] = 0x3007n;
  memory[3 * 512] = 0x4007n;
  memory.set(leaves, 4 * 512);
  const words = new Int32Array(memory.buffer);
  return {
    pageOf: (page) => (page < 5 ? words.subarray(page * 1024, page * 1024 + 1024) : null),
    readEntry: (address) => memory[Number(address) / 8] ?? null,
  };
}

function rangesOf(...leaves: readonly bigint[]): readonly MappedRange[] {
  const ranges: MappedRange[] = [];
  enumerateRanges(CONTEXT, tables(...leaves).pageOf, (range) => ranges.push(range) > 0, { lastPage: 511 });
  return ranges;
}

function collect<T>(enumerate: (emit: (item: T) => boolean) => unknown): readonly T[] {
  const items: T[] = [];
  enumerate((item) => items.push(item) > 0);
  return items;
}

describe('what the library answers', () => {
  it('a range is plain data: its fields are own, and are copied with it', () => {
    const [range] = rangesOf(0x8000_0000_0000_5007n, 0x8000_0000_0000_6067n);
    const expected = {
      first: 0n,
      last: 0x1fffn,
      rights: { write: true, user: true, exec: false },
      protectionKey: 0,
      global: false,
      leaves: { 4096: 2 },
      leafCount: 2,
      accessed: 1,
      dirty: 1,
      physicalFirst: 0x5000n,
      contiguous: true,
      physicalPieces: 1,
      physicalLowest: 0x5000n,
      physicalHighest: 0x6fffn,
      classes: 0,
    };
    expect({ ...range }).to.deep.equal(expected);
    expect(range).to.deep.equal(expected);
    assert.deepEqual({ ...range }, expected);
  });

  it('two ranges that differ are not deep-equal, to chai and to node:assert: a test of W^X can fail', () => {
    const [writable] = rangesOf(0x5007n);
    const [readOnly] = rangesOf(0x5005n);
    const [again] = rangesOf(0x5007n);
    expect(writable).to.deep.equal(again);
    assert.deepStrictEqual(writable, again);
    expect(writable).not.to.deep.equal(readOnly);
    assert.throws(() => assert.deepStrictEqual(writable, readOnly));
    assert.throws(() => assert.deepStrictEqual(rangesOf(0x5007n), rangesOf(0x6007n)));
  });

  it('ranges of many sizes count each', () => {
    const [range] = rangesOf(0x5005n, 0x6005n, 0n);
    expect(range?.leaves).to.deep.equal({ 4096: 2 });
    expect(Object.isFrozen(range?.leaves), 'shared by ranges that are alike').to.equal(true);
  });

  it('JSON has addresses as hexadecimal text, in every kind of answer', () => {
    const memory = tables(0x5007n);
    const translation = translate(CONTEXT, memory, 0x123n, READ);
    const fault = translate(CONTEXT, memory, 0x1123n, READ);
    const texts: readonly (readonly [unknown, object])[] = [
      [rangesOf(0x5007n)[0], { first: '0x0', last: '0xfff', physicalHighest: '0x5fff', leaves: { 4096: 1 } }],
      [
        collect<MappedLeaf>((emit) => enumerateLeaves(CONTEXT, memory.pageOf, emit)).at(-1),
        { address: '0xffff800000000000', physicalAddress: '0x5000', sizeBytes: 4096 },
      ],
      [
        collect<Alias>((emit) => findAliases(CONTEXT, memory.pageOf, { first: 0x5123n, last: 0x5123n }, emit))[0],
        { first: '0x123', last: '0x123', physicalFirst: '0x5123' },
      ],
      [translation, { kind: 'mapped', linearAddress: '0x123', physicalAddress: '0x5123' }],
      [translation.steps[0], { level: 4, address: '0x1000', value: '0x2007' }],
      [fault, { kind: 'fault', responsible: { level: 1, address: '0x4008' } }],
      [planBits(translation, FLAGS)[0], { address: '0x1000', value: '0x2007', accessed: true }],
      [toTranslate2Answer(translation, FLAGS, true), { physicalAddress: '0x5123', valid: true }],
    ];
    for (const [answer, fields] of texts) expect(JSON.parse(JSON.stringify(answer))).to.deep.include(fields);
    expect(JSON.parse(JSON.stringify({ list: [translation] })).list[0].steps).to.have.lengthOf(4);
  });

  it('is shown with addresses in hexadecimal', () => {
    const [range] = rangesOf(0x5007n);
    expect(inspect(range)).to.contain('first: 0x0n,').and.to.contain('physicalHighest: 0x5fffn,');
    expect(inspect(range, { colors: true })).to.contain('\u001b[33m0xfffn\u001b[39m');
    const translation = translate(CONTEXT, tables(0x5007n), 0x123n, READ);
    expect(inspect(translation, { depth: 5 })).to.match(/physicalAddress: 0x5123n.*address: 0x1000n,/s);
    expect(() => expect(range).to.deep.equal(rangesOf(0x6007n)[0])).to.throw(/expected \{ first: 0x0n,/);
  });
});
