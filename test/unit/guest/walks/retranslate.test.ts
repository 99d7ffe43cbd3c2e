import { expect } from 'chai';
import { isSameOutcome, replay, retranslate } from '../../../../src/guest/walks/retranslate.ts';
import {
  createContext,
  type EntrySource,
  type PagingContext,
  type Translation,
  translate,
} from '../../../../src/paging/index.ts';

const READ = { write: false, user: true, exec: false };
const REGISTERS = { cr0: 0x8001_0011n, cr3: 0x1000n, cr4: 0x20n, efer: 0xd00n };
const LONG = createContext(REGISTERS, { maxPhyAddr: 40 });
const NARROW = createContext(REGISTERS, { maxPhyAddr: 36 });
const ELSEWHERE = createContext({ ...REGISTERS, cr3: 0x6000n }, { maxPhyAddr: 40 });

/** Entries by address; there is no other memory. */
function memoryOf(entries: Readonly<Record<number, bigint>>): EntrySource {
  return { readEntry: (address) => entries[Number(address)] ?? null };
}

function page(pte: bigint): EntrySource {
  return memoryOf({ 4096: 0x2007n, 8192: 0x3007n, 12288: 0x4007n, 16384: pte });
}

function answer(memory: EntrySource, context: PagingContext = LONG, access = READ): Translation {
  return translate(context, memory, 0n, access);
}

describe('replay', () => {
  const seen = [
    { address: 0x1000n, sizeBytes: 8, value: 0x2007n },
    { address: 0x1000n, sizeBytes: 4, value: 7n },
    { address: 0x2000n, sizeBytes: 8, value: 0n },
  ] as const;
  const reading =
    (address: bigint, sizeBytes: 4 | 8) =>
    (memory: EntrySource): string =>
      `read ${memory.readEntry(address, sizeBytes)}`;

  it('has the entries that were seen, by where and how wide they are, one that is 0 too', () => {
    expect(replay(seen, undefined, reading(0x1000n, 8))).to.equal('read 8199');
    expect(replay(seen, undefined, reading(0x1000n, 4))).to.equal('read 7');
    expect(replay(seen, undefined, reading(0x2000n, 8))).to.equal('read 0');
  });

  it('has no memory where none was found, whatever the width', () => {
    expect(replay(seen, 0x3000n, reading(0x3000n, 8))).to.equal('read null');
    expect(replay(seen, 0x3000n, reading(0x3000n, 4))).to.equal('read null');
    expect(replay(seen, 0x3000n, () => 'read nothing')).to.equal('read nothing');
  });

  it('comes to nothing where another entry is wanted', () => {
    for (const missing of [undefined, null, 0x4000n, 0n]) {
      expect(replay(seen, missing, reading(0x3000n, 8))).to.equal(undefined);
      expect(replay(seen, missing, reading(0x2000n, 4))).to.equal(undefined);
    }
    const twice = (memory: EntrySource): string => {
      memory.readEntry(0x3000n, 8);
      return reading(0x1000n, 8)(memory);
    };
    expect(replay(seen, undefined, twice), 'also when it finds others afterwards').to.equal(undefined);
  });
});

describe('retranslate', () => {
  const endings: Readonly<Record<string, EntrySource>> = {
    'a page': page(0x5007n),
    'a page that users may not reach': page(0x5003n),
    'no page': page(0n),
    'a reserved bit': page(0x8_0000_0000_5007n),
    'no PD in memory': memoryOf({ 4096: 0x2007n, 8192: 0x3007n }),
    'no root in memory': memoryOf({}),
    'a 2 MB page': memoryOf({ 4096: 0x2007n, 8192: 0x3007n, 12288: 0x40_0087n }),
  };
  for (const [name, memory] of Object.entries(endings)) {
    it(`comes to the same by the same context: ${name}`, () => {
      const first = answer(memory);
      expect(retranslate(LONG, first)).to.deep.equal(first);
    });

    it(`comes to nothing where other entries are wanted: ${name}`, () => {
      expect(retranslate(ELSEWHERE, answer(memory))).to.equal(undefined);
    });
  }

  it('judges by the other context what the first has seen, with the same access', () => {
    const high = page(0x10_0000_5007n);
    expect(retranslate(NARROW, answer(high))).to.deep.equal(answer(high, NARROW));
    expect(answer(high, NARROW).kind).to.equal('fault');
    expect(retranslate(LONG, answer(high, NARROW))).to.deep.equal(answer(high));
    const write = { write: true, user: true, exec: false };
    const readOnly = answer(page(0x5005n), LONG, write);
    expect(retranslate(NARROW, readOnly)).to.deep.equal(answer(page(0x5005n), NARROW, write));
    expect(readOnly.kind).to.equal('fault');
  });

  it('keeps the address, tag and all', () => {
    const first = translate(LONG, page(0x5007n), 0xabcn, READ);
    expect(retranslate(NARROW, first)).to.include({ linearAddress: 0xabcn, physicalAddress: 0x5abcn });
  });

  it('has memory neither where the first found a table that the other does not come to, nor below it', () => {
    // Without PSE the entry is a table's; the first took it for a page.
    const legacy = { cr0: 0x8001_0011n, cr3: 0x1000n, efer: 0n };
    const large = createContext({ ...legacy, cr4: 0x10n }, { maxPhyAddr: 40 });
    const small = createContext({ ...legacy, cr4: 0n }, { maxPhyAddr: 40 });
    const first = answer(memoryOf({ 4096: 0x40_0087n }), large);
    expect(first.kind).to.equal('mapped');
    expect(retranslate(small, first)).to.equal(undefined);
  });
});

describe('isSameOutcome', () => {
  const mapped = answer(page(0x5007n));
  const fault = answer(page(0x5003n));

  it('is by where a mapped address leads alone', () => {
    expect(isSameOutcome(mapped, { ...mapped })).to.equal(true);
    expect(isSameOutcome(mapped, { ...mapped, pageSizeBytes: 1, steps: [] } as Translation)).to.equal(true);
    const other = { ...mapped, physicalAddress: 1n } as Translation;
    expect(isSameOutcome(mapped, other)).to.equal(false);
    expect(isSameOutcome(other, mapped)).to.equal(false);
  });

  it('is by each fact of a fault that the guest can see', () => {
    expect(fault.kind).to.equal('fault');
    expect(isSameOutcome(fault, { ...fault })).to.equal(true);
    const same = { ...fault, steps: [], rights: null, responsible: { level: 4, address: 0x4000n } };
    expect(isSameOutcome(fault, same as Translation), 'the level follows from the address').to.equal(true);
    for (const change of [
      { cause: 'reserved-bits' },
      { vector: 13 },
      { vector: null },
      { errorCode: 1 },
      { errorCode: null },
      { responsible: { level: 1, address: 0x4008n } },
      { responsible: null },
    ]) {
      const other = { ...fault, ...change } as Translation;
      expect(isSameOutcome(fault, other), Object.keys(change).join()).to.equal(false);
      expect(isSameOutcome(other, fault), Object.keys(change).join()).to.equal(false);
    }
    const blameless = { ...fault, responsible: null } as Translation;
    expect(isSameOutcome(blameless, { ...blameless }), 'no entry is to blame in both').to.equal(true);
  });

  it('tells a fault from what is mapped', () => {
    expect(isSameOutcome(mapped, fault)).to.equal(false);
    expect(isSameOutcome(fault, mapped)).to.equal(false);
    // What both have in common does not make them the same.
    const leads = { ...fault, physicalAddress: 0x5000n } as Translation;
    expect(isSameOutcome(mapped, leads)).to.equal(false);
    expect(isSameOutcome(leads, mapped)).to.equal(false);
  });
});
