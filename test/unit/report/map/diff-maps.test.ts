import { expect } from 'chai';
import {
  diffMaps,
  encodeChange,
  formatChange,
  type MapChange,
  type MapSegment,
  PLAIN,
} from '../../../../src/report/index.ts';
import { Random } from '../../../support/random/random.ts';

const KIB_4 = 4096;
const MIB_2 = 0x20_0000;

type Changes = Partial<Omit<MapSegment, 'first' | 'last' | 'rights'>> & { readonly may?: string };

/** A page at an address; by default one of everybody, which leads 1 GB further. */
function page(first: bigint, { may = 'rwxu', ...changes }: Changes = {}): MapSegment {
  const pageSizeBytes = changes.pageSizeBytes === undefined ? KIB_4 : changes.pageSizeBytes;
  return {
    first,
    last: first + BigInt(pageSizeBytes ?? KIB_4) - 1n,
    rights: {
      ...(may.includes('r') ? {} : { read: false }),
      write: may.includes('w'),
      user: may.includes('u'),
      exec: may.includes('x'),
    },
    protectionKey: 0,
    global: false,
    physicalFirst: first + 0x4000_0000n,
    accessed: 0,
    dirty: 0,
    ...changes,
    pageSizeBytes,
  };
}

function range(first: bigint, last: bigint, changes: Changes = {}): MapSegment {
  return { ...page(first, { ...changes, pageSizeBytes: null }), last };
}

async function diff(before: readonly MapSegment[], after: readonly MapSegment[]): Promise<readonly MapChange[]> {
  const changes: MapChange[] = [];
  for await (const change of diffMaps(before, after)) changes.push(change);
  return changes;
}

async function lines(before: readonly MapSegment[], after: readonly MapSegment[]): Promise<readonly string[]> {
  return (await diff(before, after)).map((change) => formatChange(change, '4-level', PLAIN).trimEnd());
}

describe('report/diffMaps', () => {
  it('finds nothing between a map and itself', async () => {
    const map = [page(0n), page(0x1000n), page(0x20_0000n, { pageSizeBytes: MIB_2 })];
    expect(await diff(map, map)).to.deep.equal([]);
    expect(await diff([], [])).to.deep.equal([]);
  });

  it('tells that a page may not be read any more, but only executed', async () => {
    const [readable, executeOnly] = [page(0n, { may: 'rx' }), page(0n, { may: 'x' })];
    expect(await lines([readable], [executeOnly])).to.deep.equal([
      '~ 0x0000000000000000-0x0000000000000fff      4K  rights r-x- → --x-',
    ]);
    expect(await diff([executeOnly], [executeOnly])).to.deep.equal([]);
    const [change] = await diff([readable], [executeOnly]);
    const { before, after } = JSON.parse(encodeChange(change as MapChange));
    expect([before.rights, after.rights]).to.deep.equal([
      { write: false, user: false, exec: true },
      { read: false, write: false, user: false, exec: true },
    ]);
  });

  it('tells what appeared and what vanished, neighbours together', async () => {
    const before = [page(0n), page(0x1000n), page(0x5000n)];
    const after = [page(0x5000n), page(0x6000n), page(0x7000n), page(0xffff_8000_0000_0000n, { may: 'r' })];
    expect(await lines(before, after)).to.deep.equal([
      '- 0x0000000000000000-0x0000000000001fff      8K  rwxu → 0x40000000',
      '+ 0x0000000000006000-0x0000000000007fff      8K  rwxu → 0x40006000',
      '+ 0xffff800000000000-0xffff800000000fff      4K  r--- → 0xffff800040000000',
    ]);
  });

  const differences: readonly (readonly [string, Changes, Changes, string])[] = [
    ['rights', { may: 'rw' }, { may: 'rxu' }, 'rights rw-- → r-xu'],
    ['a key', { protectionKey: 0 }, { protectionKey: 3 }, 'key 0 → 3'],
    ['keys of a mode without them', { protectionKey: null }, { protectionKey: 3 }, 'key none → 3'],
    ['a global bit', {}, { global: true }, 'not global → global'],
    ['another place', {}, { physicalFirst: 0x9000n }, 'moved 0x40000000 → 0x9000'],
    ['A', {}, { accessed: 1 }, 'became accessed'],
    ['A that was cleared', { accessed: 1 }, {}, 'A was cleared'],
    ['A and D', {}, { accessed: 1, dirty: 1 }, 'became accessed, became dirty'],
    ['D that was cleared', { accessed: 1, dirty: 1 }, { accessed: 1 }, 'D was cleared'],
    ['all at once', {}, { may: 'r', global: true, dirty: 1 }, 'rights rwxu → r---, not global → global, became dirty'],
  ];
  for (const [name, one, other, words] of differences) {
    it(`tells ${name}`, async () => {
      expect(await lines([page(0n, one)], [page(0n, other)])).to.deep.equal([
        `~ 0x0000000000000000-0x0000000000000fff      4K  ${words}`,
      ]);
    });
  }

  it('joins neighbours that changed alike, and no others', async () => {
    const before = [0n, 0x1000n, 0x2000n, 0x3000n].map((address) => page(address));
    const after = before.map((each, at) => ({ ...each, dirty: 1, accessed: at === 3 ? 1 : 0 }));
    expect((await diff(before, after)).map(({ first, last, pieces }) => [first, last, pieces])).to.deep.equal([
      [0n, 0x2fffn, 3],
      [0x3000n, 0x3fffn, 1],
    ]);
  });

  it('joins neighbours to which the same happened, whatever it was', async () => {
    const two = (changes: Changes = {}) => [page(0n, changes), page(0x1000n, changes)];
    const cases: readonly (readonly [readonly MapSegment[], readonly MapSegment[]])[] = [
      [[], two()],
      [two(), []],
      [two({ may: 'rw' }), two({ may: 'r' })],
      [two(), two({ protectionKey: 3 })],
      [two(), two({ global: true })],
      [two(), two({ accessed: 1 })],
      [two(), two({ dirty: 1 })],
      [two(), [page(0n, { physicalFirst: 0x9000n }), page(0x1000n, { physicalFirst: 0xa000n })]],
    ];
    for (const [before, after] of cases) {
      const changes = await diff(before, after);
      expect(changes.map(({ first, last, pieces }) => [first, last, pieces])).to.deep.equal([[0n, 0x1fffn, 2]]);
    }
  });

  it('compares a large page with the small ones that it was split into', async () => {
    const before = [page(0n, { pageSizeBytes: MIB_2, accessed: 1 })];
    const after = [page(0n, { accessed: 1 }), page(0x1000n, { may: 'r' })];
    expect(await lines(before, after)).to.deep.equal([
      '~ 0x0000000000000000-0x0000000000000fff      4K  pages 2M → 4K',
      '~ 0x0000000000001000-0x0000000000001fff      4K  rights rwxu → r---, pages 2M → 4K, A was cleared',
      '- 0x0000000000002000-0x00000000001fffff   2040K  rwxu → 0x40002000',
    ]);
  });

  it('compares A and D of ranges where both maps have the same range, and where they lead if in one piece', async () => {
    const before = [
      range(0n, 0x3fffn, { accessed: 2 }),
      range(0x1_0000n, 0x1_3fffn, { accessed: 2, physicalFirst: null }),
    ];
    const after = [
      range(0n, 0x1fffn, { accessed: 1 }),
      range(0x2000n, 0x3fffn, { accessed: 1, may: 'r' }),
      range(0x1_0000n, 0x1_3fffn, { accessed: 3, dirty: 1 }),
    ];
    expect(await lines(before, after)).to.deep.equal([
      '~ 0x0000000000002000-0x0000000000003fff      8K  rights rwxu → r---',
      '~ 0x0000000000010000-0x0000000000013fff     16K  moved pieces → 0x40010000, accessed pages 2 → 3, dirty pages 0 → 1',
    ]);
    const scattered = [range(0n, 0xfffn, { physicalFirst: null }), range(0x1000n, 0x1fffn, { physicalFirst: null })];
    expect(await diff(scattered, [range(0n, 0x1fffn, { physicalFirst: null })])).to.deep.equal([]);
    expect(await lines([range(0n, 0xfffn, { physicalFirst: null })], [])).to.deep.equal([
      '- 0x0000000000000000-0x0000000000000fff      4K  rwxu',
    ]);
  });

  it('agrees with a comparison page by page of random maps', async () => {
    for (let seed = 1; seed <= 100; seed += 1) {
      const random = new Random(seed);
      const [before, after] = [randomPages(random), randomPages(random)];
      const changes = await diff(before, after);
      const said = differencesByPage(changes);
      for (let address = 0n; address < 0x10_0000n; address += 4096n) {
        const at = (map: readonly MapSegment[]) => map.find(({ first }) => first === address);
        expect(said.get(address) ?? '', `seed ${seed}, ${address}`).to.equal(plainDifferences(at(before), at(after)));
      }
      changes.slice(1).forEach(({ first }, at) => {
        expect(first > (changes[at]?.last ?? 0n), 'ascending').to.equal(true);
      });
    }
  });

  it('tells of ranges that overlap what is not theirs alone', async () => {
    const [short, long] = [[range(0x5000n, 0x6fffn)], [range(0n, 0x9fffn)]];
    const ends = ['0x0000000000000000-0x0000000000004fff     20K', '0x0000000000007000-0x0000000000009fff     12K'];
    const told = (changes: readonly string[]) => changes.map((line) => line.slice(0, 47));
    expect(told(await lines(short, long))).to.deep.equal(ends.map((end) => `+ ${end}`));
    expect(told(await lines(long, short))).to.deep.equal(ends.map((end) => `- ${end}`));
  });

  it('agrees with a comparison page by page of random ranges', async () => {
    for (let seed = 1; seed <= 300; seed += 1) {
      const random = new Random(seed);
      const [before, after] = [randomRanges(random), randomRanges(random)];
      const said = differencesByPage(await diff(before, after));
      for (let address = 0n; address < 0x4_0000n; address += 4096n) {
        const at = (map: readonly MapSegment[]) => map.find(({ first, last }) => first <= address && address <= last);
        const [one, other] = [at(before), at(after)];
        const sameRights = JSON.stringify(one?.rights) === JSON.stringify(other?.rights);
        const expected = !one ? (other ? 'appeared' : '') : !other ? 'vanished' : sameRights ? '' : 'rights';
        expect(said.get(address) ?? '', `seed ${seed}, ${address}`).to.equal(expected);
      }
    }
  });

  it('is told as JSON', async () => {
    const [change] = await diff([page(0n)], [page(0n, { may: 'rx', dirty: 1 })]);
    expect(JSON.parse(encodeChange(change as MapChange))).to.deep.equal({
      kind: 'change',
      first: '0x0',
      last: '0xfff',
      differences: ['rights', 'dirty'],
      pieces: 1,
      before: {
        pageSize: 4096,
        rights: { write: true, user: true, exec: true },
        protectionKey: 0,
        global: false,
        physicalFirst: '0x40000000',
        accessed: 0,
        dirty: 0,
      },
      after: {
        pageSize: 4096,
        rights: { write: false, user: false, exec: true },
        protectionKey: 0,
        global: false,
        physicalFirst: '0x40000000',
        accessed: 0,
        dirty: 1,
      },
    });
    const [gone] = await diff([range(0n, 0xfffn, { physicalFirst: null })], []);
    expect(JSON.parse(encodeChange(gone as MapChange))).to.deep.include({ differences: ['vanished'], after: null });
  });
});

function differencesByPage(changes: readonly MapChange[]): ReadonlyMap<bigint, string> {
  const said = new Map<bigint, string>();
  for (const { first, last, differences: names } of changes) {
    for (let address = first; address <= last; address += 4096n) said.set(address, names.join());
  }
  return said;
}

/** Ranges of up to eight pages among 64, with gaps or without. */
function randomRanges(random: Random): MapSegment[] {
  const ranges: MapSegment[] = [];
  for (let at = random.below(3); at < 56; ) {
    const pages = random.between(1, 8);
    const may = random.pick(['r', 'rw']);
    ranges.push(range(BigInt(at) * 4096n, BigInt(at + pages) * 4096n - 1n, { may }));
    at += pages + random.below(4);
  }
  return ranges;
}

/** 256 pages of 4 KB, or what is there of them. */
function randomPages(random: Random): MapSegment[] {
  return Array.from({ length: 256 }, (_, at) => BigInt(at) * 4096n).flatMap((first) => {
    if (random.chance(30)) return [];
    const changes = {
      may: random.pick(['r', 'rw', 'rwxu']),
      accessed: random.below(2),
      dirty: random.below(2),
      ...(random.chance(20) ? { physicalFirst: 0x9000n } : {}),
    };
    return [page(first, changes)];
  });
}

function plainDifferences(before: MapSegment | undefined, after: MapSegment | undefined): string {
  if (before === undefined) return after === undefined ? '' : 'appeared';
  if (after === undefined) return 'vanished';
  const names = [
    JSON.stringify(before.rights) === JSON.stringify(after.rights) ? '' : 'rights',
    before.physicalFirst === after.physicalFirst ? '' : 'moved',
    before.accessed === after.accessed ? '' : 'accessed',
    before.dirty === after.dirty ? '' : 'dirty',
  ];
  return names.filter((name) => name !== '').join();
}
