import { expect } from 'chai';
import { MemoryMap, type MemoryPiece, type PhysicalMemory, type Region } from '../../../../../src/guest/index.ts';
import { comparePaused } from '../../../../../src/guest/memory/host/compare-pages.ts';
import { HostMemory, type RegionSource } from '../../../../../src/guest/memory/host/host-memory.ts';
import { LayeredMemory } from '../../../../../src/guest/memory/host/layered-memory.ts';
import { expectRejection } from '../../../../support/expect-rejection.ts';

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
});
