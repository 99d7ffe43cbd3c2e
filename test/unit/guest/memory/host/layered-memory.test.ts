import { expect } from 'chai';
import {
  GuestMemoryError,
  type MemoryAttempt,
  MemoryMap,
  type MemoryPiece,
  type PhysicalMemory,
  type Region,
} from '../../../../../src/guest/index.ts';
import {
  type ComparePages,
  type Comparison,
  comparePaused,
} from '../../../../../src/guest/memory/host/compare-pages.ts';
import { HostMemory, type RegionSource } from '../../../../../src/guest/memory/host/host-memory.ts';
import { LayeredMemory } from '../../../../../src/guest/memory/host/layered-memory.ts';
import { expectRejection } from '../../../../support/expect-rejection.ts';
import { region } from '../../../../support/fakes/region.ts';

const PAGE = 4096;
/** Of one region from 0 on: more than the places that are looked at in it. */
const PAGES = 64;
const SMRAM: Region = {
  kind: 'ram',
  name: 'smram',
  first: 0x100_0000n,
  last: 0x100_0fffn,
  offset: 0n,
  onlyInSmm: true,
};

/** What this host has, what the trusted way shows, and how often each was asked. */
class Layers {
  readonly host = new Uint8Array(PAGES * PAGE);
  readonly guest = new Uint8Array(PAGES * PAGE);
  /** Bytes of the file on this host: a file may be shorter than what it backs. */
  hostBytes = PAGES * PAGE;
  readonly trustedPages: number[] = [];
  foreign = 0;
  readonly block: RegionSource['block'];
  readonly found: HostMemory;
  readonly memory: LayeredMemory;

  constructor() {
    const map = new MemoryMap([
      { kind: 'ram', name: 'ram', first: 0n, last: BigInt(PAGES * PAGE - 1), offset: 0n },
      SMRAM,
    ]);
    const [region] = map.regions;
    if (region === undefined) throw new Error('the map has a region');
    this.block = { name: 'ram', regions: [region], verdict: 'open' };
    const source: RegionSource = {
      kind: 'host-file',
      position: 0,
      block: this.block,
      bytes: {
        read: (pieces) => {
          for (const { position, target } of pieces) {
            if (position + target.length > this.hostBytes) throw new RangeError('the file ends before');
            target.set(this.host.subarray(position, position + target.length));
          }
          return undefined;
        },
        close: () => {},
      },
    };
    this.found = new HostMemory('host-file', map, new Map([[region, source]]), [], () => {
      this.foreign += 1;
    });
    const trusted: PhysicalMemory = {
      read: async (pieces) => {
        this.trustedPages.push(...pieces.map(({ address }) => address / PAGE));
        await new Promise(setImmediate);
        return pieces.map(({ address, lengthBytes }) => this.guest.slice(address, address + lengthBytes));
      },
    };
    this.memory = new LayeredMemory(this.found, trusted, map, comparePaused);
  }

  /** Fills a page on both sides, or on one. */
  fill(page: number, byte: number, side: 'both' | 'host' | 'guest' = 'both'): this {
    if (side !== 'guest') this.host.fill(byte, page * PAGE, (page + 1) * PAGE);
    if (side !== 'host') this.guest.fill(byte, page * PAGE, (page + 1) * PAGE);
    return this;
  }

  /** A byte of some pages, far in them: what is compared is all of the page. */
  async read(...pages: readonly number[]): Promise<number[]> {
    const pieces = pages.map((page): MemoryPiece => ({ address: page * PAGE + 0xff0, lengthBytes: 8 }));
    return (await this.memory.read(pieces)).map(([first = -1]) => first);
  }
}

describe('guest/LayeredMemory', () => {
  it('uses this host once the page that is wanted was seen to be the guest’s, if all the others hold nothing', async () => {
    const layers = new Layers().fill(5, 0x55);
    expect(await layers.read(5)).to.deep.equal([0x55]);
    expect(layers.block.verdict).to.equal('same');
    expect(layers.trustedPages, 'those that were compared').to.include(5).and.have.length(6);
    layers.fill(7, 0x77, 'host');
    expect(await layers.read(7, 5), 'from here on by this host alone').to.deep.equal([0x77, 0x55]);
    expect(layers.trustedPages).to.have.length(6);
    expect([layers.found.attempts, layers.foreign]).to.deep.equal([[], 0]);
  });

  it('compares pages that hold something, wherever they lie in the block', async () => {
    const layers = new Layers();
    for (const page of [8, 24, 40, 60]) layers.fill(page, page);
    expect(await layers.read(1)).to.deep.equal([0]);
    expect(layers.block.verdict).to.equal('same');
    expect(layers.trustedPages).to.include.members([8, 24, 40, 60]);
  });

  for (const [what, page, byte, side] of [
    ['another byte in the page that is wanted', 5, 0x99, 'guest'],
    ['another byte in a page far away', 60, 0x99, 'guest'],
    ['a page that holds nothing on this host', 5, 0, 'host'],
    ['a page that holds something here alone', 16, 0x99, 'host'],
  ] as const) {
    it(`leaves this host alone after ${what}, and says so`, async () => {
      const layers = new Layers().fill(5, 0x55).fill(60, 0x60).fill(page, byte, side);
      const expected = [5, 60, 16].map((each) => layers.guest[each * PAGE]);
      expect(await layers.read(5, 60, 16)).to.deep.equal(expected);
      expect([layers.block.verdict, layers.foreign]).to.deep.equal(['foreign', 1]);
      expect(layers.found.attempts).to.deep.equal([
        { provider: 'host-file', cause: { code: 'differs', page: BigInt(page * PAGE) } },
      ]);
      expect(await layers.memory.usesHostAt(5 * PAGE)).to.equal(false);
      layers.fill(5, 0x11, 'guest');
      expect(await layers.read(5)).to.deep.equal([0x11]);
    });
  }

  it('takes nothing for proven while all is zero, and says so where it is asked', async () => {
    const layers = new Layers();
    expect(await layers.read(3)).to.deep.equal([0]);
    expect(layers.block.verdict).to.equal('open');
    expect(await layers.memory.usesHostAt(3 * PAGE + 8)).to.equal(false);
    expect(layers.found.attempts).to.deep.equal([{ provider: 'host-file', cause: { code: 'unverified' } }]);
    layers.fill(3, 0x33);
    expect(await layers.memory.usesHostAt(3 * PAGE + 8), 'proven as soon as it holds something').to.equal(true);
  });

  it('leaves this host alone where its file ends before', async () => {
    const layers = new Layers().fill(5, 0x55);
    layers.hostBytes = 32 * PAGE;
    expect(await layers.read(5, 40)).to.deep.equal([0x55, 0]);
    expect([layers.block.verdict, layers.foreign]).to.deep.equal(['foreign', 1]);
    const [attempt] = layers.found.attempts;
    expect(attempt?.cause).to.deep.equal({ code: 'unreadable', message: 'the file ends before' });
  });

  it('compares once for all that is asked at a time', async () => {
    const layers = new Layers().fill(5, 0x55).fill(6, 0x66);
    expect(await Promise.all([layers.read(5), layers.read(6), layers.read(5)])).to.deep.equal([[0x55], [0x66], [0x55]]);
    expect(layers.trustedPages).to.have.length(6);
  });

  it('asks the trusted way for nothing that only a vCPU in SMM sees', async () => {
    const layers = new Layers();
    const failed = expectRejection(layers.memory.read([{ address: Number(SMRAM.first), lengthBytes: 8 }]));
    expect(await failed)
      .to.have.property('message')
      .that.matches(/lies at 0x1000000 in SMRAM/);
    expect(layers.trustedPages).to.deep.equal([]);
  });

  it('reads all in the trusted way where this host has nothing', async () => {
    const { guest } = new Layers().fill(5, 0x55);
    const trusted: PhysicalMemory = {
      read: async (pieces) => pieces.map(({ address, lengthBytes }) => guest.slice(address, address + lengthBytes)),
    };
    const map = new MemoryMap([{ kind: 'ram', name: 'ram', first: 0n, last: 0xffffn, offset: 0n }]);
    const memory = new LayeredMemory(
      [{ provider: 'host-file', cause: { code: 'unverified' } }],
      trusted,
      map,
      comparePaused,
    );
    expect((await memory.read([{ address: 5 * PAGE, lengthBytes: 1 }]))[0]).to.deep.equal(Uint8Array.of(0x55));
    expect(await memory.usesHostAt(5 * PAGE)).to.equal(false);
  });

  describe('asks this host and the trusted way for no more than it says', () => {
    /** One block that this host has, with some pages that hold something. */
    interface Recorded {
      readonly memory: LayeredMemory;
      readonly found: HostMemory;
      readonly block: RegionSource['block'];
      /** Pages that this host was asked for, time by time. */
      readonly looked: number[][];
      readonly compared: (readonly number[])[];
      readonly trusted: { readonly pieces: readonly MemoryPiece[]; readonly targets: readonly Uint8Array[] }[];
      foreign: number;
    }

    interface Has {
      readonly regions: readonly Region[];
      readonly telling?: readonly number[];
      readonly outcome?: () => Promise<Comparison>;
      readonly slow?: boolean;
    }

    /** The first region of a name is what this host has; its block has all of that name. */
    function record({ regions, telling = [], outcome, slow = false }: Has): Recorded {
      const map = new MemoryMap(regions);
      const parts = map.regions.filter(({ name }) => name === 'ram');
      const block: RegionSource['block'] = { name: 'ram', regions: parts, verdict: 'open' };
      const looked: number[][] = [];
      const compared: (readonly number[])[] = [];
      const asked: Recorded['trusted'][number][] = [];
      const fill = (pieces: readonly { readonly position: number; readonly target: Uint8Array }[]): void => {
        looked.push(pieces.map(({ position }) => position / PAGE));
        for (const { position, target } of pieces) if (telling.includes(Math.floor(position / PAGE))) target.fill(1);
      };
      const bytes: RegionSource['bytes'] = {
        read: (pieces) => {
          if (!slow) {
            fill(pieces);
            return undefined;
          }
          return new Promise(setImmediate).then(() => fill(pieces));
        },
        close: () => {},
      };
      const compare: ComparePages = async (pages) => {
        compared.push(pages.map((page) => page / PAGE));
        return (await outcome?.()) ?? { kind: 'same' };
      };
      const sources = parts.map((part) => {
        return [part, { kind: 'host-process', position: Number(part.first), block, bytes } as const] as const;
      });
      const attempts: MemoryAttempt[] = [];
      const found = new HostMemory('host-process', map, new Map(sources), attempts, () => {
        recorded.foreign += 1;
      });
      const trusted: PhysicalMemory = {
        read: async (pieces, targets = []) => {
          asked.push({ pieces, targets });
          for (const target of targets) target.fill(9);
          return targets;
        },
      };
      const memory = new LayeredMemory(found, trusted, map, compare);
      const recorded: Recorded = { memory, found, block, looked, compared, trusted: asked, foreign: 0 };
      return recorded;
    }

    const ram = (first: number, lengthBytes: number): Region =>
      region('ram', BigInt(first), BigInt(first + lengthBytes - 1), 'ram');
    const at = (page: number, within = 0): MemoryPiece => ({ address: page * PAGE + within, lengthBytes: 8 });
    const firstOf = (answers: readonly Uint8Array[]) => answers.map(([first]) => first);

    it('compares six pages: of those that are wanted, and of places all over the block', async () => {
      const { memory, compared, looked } = record({ regions: [ram(0, 64 * PAGE)] });
      await memory.read([at(5, 0xff8), at(7), at(5, 8)]);
      // Each page that is looked at is one: neighbours here have buffers of their own.
      expect(looked.slice(0, 3)).to.deep.equal([
        [5, 7, 0, 4, 8, 12, 16, 20],
        [24, 28, 32, 36, 40, 44, 48, 52],
        [56, 60],
      ]);
      expect(compared).to.deep.equal([[5, 7, 0, 4, 8, 12]]);
    });

    it('compares first what holds something, and looks no further once there are six such', async () => {
      const some = record({ regions: [ram(0, 64 * PAGE)], telling: [8, 24, 40, 60] });
      expect(await some.memory.usesHostAt(5 * PAGE + 0x123)).to.equal(true);
      expect(some.looked.map(({ length }) => length)).to.deep.equal([8, 8, 1]);
      expect(some.compared).to.deep.equal([[8, 24, 40, 60, 5, 0]]);
      const enough = record({ regions: [ram(0, 64 * PAGE)], telling: [0, 4, 8, 12, 16, 20, 24] });
      expect(await enough.memory.usesHostAt(5 * PAGE)).to.equal(true);
      expect(enough.looked).to.deep.equal([[5, 0, 4, 8, 12, 16, 20, 24]]);
      expect(enough.compared).to.deep.equal([[0, 4, 8, 12, 16, 20]]);
      const six = record({ regions: [ram(0, 64 * PAGE)], telling: [5, 4, 8, 12, 16, 20, 28] });
      expect(await six.memory.usesHostAt(5 * PAGE)).to.equal(true);
      expect(six.looked).to.have.length(1);
      const five = record({ regions: [ram(0, 64 * PAGE)], telling: [4, 8, 12, 16, 20, 28] });
      expect(await five.memory.usesHostAt(5 * PAGE)).to.equal(true);
      expect(five.looked).to.have.length(2);
      expect(five.compared).to.deep.equal([[4, 8, 12, 16, 20, 28]]);
    });

    it('looks at sixty-four pages at most of those that are wanted at once', async () => {
      const { memory, looked, compared } = record({ regions: [ram(0, 2048 * PAGE)] });
      await memory.read(Array.from({ length: 70 }, (_, index) => at(1 + index)));
      const wanted = Array.from({ length: 64 }, (_, index) => 1 + index);
      const places = Array.from({ length: 16 }, (_, index) => 128 * index);
      expect(looked.slice(0, 10).flat()).to.deep.equal([...wanted, ...places]);
      expect(compared).to.deep.equal([[1, 2, 3, 4, 5, 6]]);
    });

    it('looks at whole pages of memory in each of a block’s regions, and at none of SMRAM', async () => {
      const smram: Region = { ...region('ram', 0x100_0000n, 0x100_7fffn, 'ram', 0x8000n), onlyInSmm: true };
      const { memory, looked, compared } = record({
        regions: [ram(0x10_0000, 10 * PAGE + 100), ram(0x20_0000, 2 * PAGE), smram],
      });
      await memory.read([{ address: 0x10_a010, lengthBytes: 8 }, at(0x1000)]);
      expect(looked.slice(0, 2)).to.deep.equal([
        [0x100, 0x200, 0x101, 0x102, 0x103, 0x104, 0x105, 0x201],
        [0x106, 0x107, 0x108, 0x109],
      ]);
      expect(compared).to.deep.equal([[0x100, 0x200, 0x101, 0x102, 0x103, 0x104]]);
    });

    it('takes places from the whole pages of a region alone', async () => {
      const { memory, compared } = record({ regions: [ram(0, 64 * PAGE - 1)] });
      await memory.read([at(0)]);
      expect(compared).to.deep.equal([[0, 3, 7, 11, 15, 19]]);
    });

    it('leaves a block open that has no page to compare', async () => {
      const { memory, compared, looked, block, found } = record({ regions: [ram(0, PAGE - 8)] });
      expect(firstOf(await memory.read([at(0)]))).to.deep.equal([9]);
      expect([compared, looked]).to.deep.equal([[], []]);
      expect(block.verdict).to.equal('open');
      expect(await memory.usesHostAt(0)).to.equal(false);
      expect(found.attempts).to.deep.equal([{ provider: 'host-process', cause: { code: 'unverified' } }]);
    });

    it('reads each piece in one way alone, into what is given for it', async () => {
      for (const slow of [false, true]) {
        const regions = [ram(0, 4 * PAGE), region('ram', BigInt(4 * PAGE), BigInt(8 * PAGE - 1), 'other')];
        const { memory, trusted, looked } = record({ regions, telling: [2, 3], slow });
        const pieces = [at(4), at(2, 16), at(5), at(3)];
        const targets = pieces.map(() => new Uint8Array(8));
        const given = await memory.read(pieces, targets);
        given.forEach((bytes, index) => {
          expect(bytes).to.equal(targets[index]);
        });
        expect(firstOf(given)).to.deep.equal([9, 1, 9, 1]);
        expect(trusted).to.deep.equal([{ pieces: [at(4), at(5)], targets: [targets[0], targets[2]] }]);
        expect(trusted[0]?.targets[0]).to.equal(targets[0]);
        const made = await memory.read(pieces);
        expect(made.map(({ length }) => length)).to.deep.equal([8, 8, 8, 8]);
        expect(firstOf(made)).to.deep.equal([9, 1, 9, 1]);
        looked.splice(0);
        trusted.splice(0);
        expect(firstOf(await memory.read([at(2), at(3)]))).to.deep.equal([1, 1]);
        expect([looked, trusted]).to.deep.equal([[[2, 3]], []]);
        looked.splice(0);
        expect(firstOf(await memory.read([at(4)]))).to.deep.equal([9]);
        expect([looked, trusted.length]).to.deep.equal([[], 1]);
        expect(await memory.read([])).to.deep.equal([]);
        expect([looked, trusted.length]).to.deep.equal([[], 1]);
      }
    });

    it('compares nothing for an address where no memory is: what lies elsewhere is decided when it is read', async () => {
      const { memory, compared } = record({ regions: [ram(0, 4 * PAGE)] });
      expect(await memory.usesHostAt(4 * PAGE)).to.equal(true);
      expect(compared).to.deep.equal([]);
      expect(await memory.usesHostAt(4 * PAGE - 1)).to.equal(true);
      expect(compared).to.deep.equal([[3, 0, 1, 2]]);
      expect(await memory.usesHostAt(0)).to.equal(true);
      expect(compared).to.have.length(1);
    });

    it('does not take memory of no block for this host’s', async () => {
      const { memory, found } = record({ regions: [region('ram', 0n, 0xfffn, 'other')] });
      expect(await memory.usesHostAt(0)).to.equal(false);
      expect(found.attempts).to.deep.equal([]);
    });

    it('compares a block again that was open still, for each that asks', async () => {
      const outcomes: Comparison['kind'][] = ['zero', 'zero', 'same'];
      const answers = outcomes.map((kind) => ({ kind }) as Comparison);
      const recorded = record({
        regions: [ram(0, 4 * PAGE)],
        outcome: async () => answers.shift() ?? { kind: 'zero' },
      });
      const { memory, compared, block } = recorded;
      await Promise.all([memory.read([at(1)]), memory.read([at(2)])]);
      expect(compared).to.deep.equal([
        [1, 0, 2, 3],
        [2, 0, 1, 3],
      ]);
      expect([block.verdict, recorded.foreign]).to.deep.equal(['open', 0]);
      await memory.read([at(3)]);
      expect(block.verdict).to.equal('same');
      await memory.read([at(0)]);
      expect(compared).to.have.length(3);
    });

    it('compares a block again when comparing has failed, for the next that asks', async () => {
      const outcomes = [
        () => Promise.reject(new Error('no answer in time')),
        () => Promise.resolve<Comparison>({ kind: 'same' }),
      ];
      const { memory, block, compared } = record({
        regions: [ram(0, PAGE)],
        outcome: () => outcomes.shift()?.() ?? Promise.reject(new Error('asked too often')),
      });
      const both = await Promise.allSettled([memory.read([at(0)]), memory.read([at(0)])]);
      expect(
        both.map(({ status }) => status),
        'those that ask together fail together',
      ).to.deep.equal([...['rejected', 'rejected']]);
      expect(firstOf(await memory.read([at(0)]))).to.deep.equal([0]);
      expect([block.verdict, compared.length]).to.deep.equal(['same', 2]);
      expect(firstOf(await memory.read([at(0)]))).to.deep.equal([0]);
      expect(compared).to.have.length(2);
    });

    it('leaves it open when comparing fails, and says so where it is this host that failed', async () => {
      const gone = new Error('the stub is gone');
      const failing = record({ regions: [ram(0, PAGE)], outcome: () => Promise.reject(gone) });
      expect(await expectRejection(failing.memory.read([at(0)]))).to.equal(gone);
      expect([failing.block.verdict, failing.foreign, failing.found.attempts]).to.deep.equal(['open', 0, []]);
      const short = record({ regions: [ram(0, PAGE)], outcome: () => Promise.reject(new RangeError('too short')) });
      expect(firstOf(await short.memory.read([at(0)]))).to.deep.equal([9]);
      expect([short.block.verdict, short.foreign]).to.deep.equal(['foreign', 1]);
      expect(short.found.attempts).to.deep.equal([
        { provider: 'host-process', cause: { code: 'unreadable', message: 'too short' } },
      ]);
    });
  });

  it('refuses what only a vCPU in SMM sees with what was tried on this host, and bytes that are missing', async () => {
    const map = new MemoryMap([SMRAM, region('ram', 0x200_0000n, 0x200_0fffn)]);
    const attempts: readonly MemoryAttempt[] = [{ provider: 'host-file', cause: { code: 'unverified' } }];
    const nothing: PhysicalMemory = { read: async () => [] };
    const memory = new LayeredMemory(attempts, nothing, map, comparePaused);
    const error = await expectRejection(memory.read([{ address: 0x100_0ff8, lengthBytes: 8 }]));
    expect(error).to.be.instanceOf(GuestMemoryError);
    expect(error).to.include({ attempts });
    expect(error.message).to.equal(
      'the vCPU is in system management mode, and a page table that it uses lies at 0x1000ff8 in SMRAM, which neither the GDB stub nor the monitor shows. This host does not have guest memory at hand',
    );
    const missing = await expectRejection(memory.read([{ address: 0x200_0000, lengthBytes: 8 }]));
    expect(missing).to.be.instanceOf(RangeError);
    expect(missing.message).to.equal('memory gave no bytes for a piece');
  });
});
