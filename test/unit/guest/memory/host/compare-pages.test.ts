import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { MemoryMap } from '../../../../../src/guest/index.ts';
import {
  type ComparePages,
  comparePaused,
  compareRunning,
  isZero,
  readPages,
} from '../../../../../src/guest/memory/host/compare-pages.ts';
import { descriptorBytes } from '../../../../../src/guest/memory/host/descriptor-bytes.ts';
import { HostMemory } from '../../../../../src/guest/memory/host/host-memory.ts';
import { FakeMemory } from '../../../../support/fakes/fake-memory.ts';
import { region } from '../../../../support/fakes/region.ts';

const PAGE = 4096;

describe('pages that this host shows, and those that a trusted way shows', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'pagewalk-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Of four pages each: what the file holds, and what the guest has, as the first byte of each page. */
  async function compared(compare: ComparePages, inFile: readonly number[], inGuest: readonly number[]) {
    const file = join(folder, 'ram');
    const pageOf = (first: number): Buffer => {
      const page = Buffer.alloc(PAGE);
      page[0] = first;
      return page;
    };
    writeFileSync(file, Buffer.concat(inFile.map(pageOf)));
    const map = new MemoryMap([region('ram', 0n, BigInt(inFile.length * PAGE - 1))]);
    const [ram] = map.regions;
    if (ram === undefined) throw new Error('the map is empty');
    const block = { name: 'ram', regions: [ram], verdict: 'open' } as const;
    const bytes = descriptorBytes(openSync(file, 'r'));
    const sources = new Map([[ram, { kind: 'host-file', bytes, position: 0, block } as const]]);
    using found = new HostMemory('host-file', map, sources, []);
    const trusted = new FakeMemory(inGuest.length * PAGE);
    inGuest.forEach((first, page) => {
      trusted.bytes[page * PAGE] = first;
    });
    return await compare(
      inFile.map((_, page) => page * PAGE),
      found,
      trusted,
    );
  }

  for (const [name, compare] of Object.entries({ comparePaused, compareRunning })) {
    it(`are the same, or differ, or prove nothing (${name})`, async () => {
      expect(await compared(compare, [0, 1, 0, 2], [0, 1, 0, 2])).to.deep.equal({ kind: 'same' });
      expect(await compared(compare, [0, 0, 0, 9], [0, 0, 0, 9])).to.deep.equal({ kind: 'same' });
      expect(await compared(compare, [0, 0, 0, 0], [0, 0, 0, 0])).to.deep.equal({ kind: 'zero' });
      for (const inFile of [
        [0, 1, 3, 2],
        [0, 1, 3, 0],
      ]) {
        const page = BigInt(2 * PAGE);
        expect(await compared(compare, inFile, [0, 1, 0, 2])).to.deep.equal({
          kind: 'differs',
          cause: { code: 'differs', page },
        });
      }
      expect(await compared(compare, [0, 0, 0, 0], [0, 0, 0, 1]), 'nothing there').to.have.property('kind', 'differs');
    });
  }

  it('are zero when each byte is', () => {
    for (const length of [1, 100, PAGE]) {
      expect(isZero(new Uint8Array(length)), `${length}`).to.equal(true);
      for (const at of [0, length - 1]) {
        const bytes = new Uint8Array(length);
        bytes[at] = 1;
        expect(isZero(bytes), `${length}, ${at}`).to.equal(false);
      }
    }
  });

  describe('of a guest that runs', () => {
    const PAGES: readonly number[] = [0x3000, 0x1000, 0x2000];

    /**
     * Compares three pages.
     *
     * @param looks - the first byte of each page at the first look at this host, at the trusted one, and at the second
     */
    async function seen(looks: readonly [readonly number[], readonly number[], readonly number[]]) {
      const map = new MemoryMap([region('ram', 0x1000n, 0x3fffn)]);
      const [ram] = map.regions;
      if (ram === undefined) throw new Error('the map is empty');
      const order: string[] = [];
      let look = looks[0];
      const bytes = {
        read: (pieces: readonly { readonly position: number; readonly target: Uint8Array }[]) => {
          order.push('here');
          for (const { position, target } of pieces) target[0] = look[PAGES.indexOf(position)] ?? 0;
          return undefined;
        },
        close: () => {},
      };
      const block = { name: 'ram', regions: [ram], verdict: 'open' } as const;
      const sources = new Map([[ram, { kind: 'host-process', bytes, position: 0x1000, block } as const]]);
      const found = new HostMemory('host-process', map, sources, []);
      const comparison = await compareRunning(PAGES, found, {
        read: async (pieces) => {
          order.push('there');
          expect(pieces).to.deep.equal(PAGES.map((address) => ({ address, lengthBytes: PAGE })));
          look = looks[2];
          return looks[1].map((first) => {
            const page = new Uint8Array(PAGE);
            page[0] = first;
            return page;
          });
        },
      });
      expect(order).to.deep.equal(['here', 'there', 'here']);
      return comparison;
    }

    const steady = [1, 2, 3];

    it('say nothing where they change meanwhile', async () => {
      expect(await seen([steady, steady, steady])).to.deep.equal({ kind: 'same' });
      expect(
        await seen([
          [1, 2, 3],
          [1, 9, 3],
          [1, 4, 3],
        ]),
        'one has changed',
      ).to.deep.equal({ kind: 'same' });
      expect(
        await seen([
          [9, 2, 3],
          [8, 2, 3],
          [7, 2, 3],
        ]),
        'the first',
      ).to.deep.equal({ kind: 'same' });
      expect(
        await seen([
          [0, 2, 0],
          [0, 9, 0],
          [0, 4, 0],
        ]),
        'and the others hold nothing',
      ).to.deep.equal({
        kind: 'zero',
      });
      expect(
        await seen([
          [1, 2, 3],
          [1, 2, 3],
          [4, 5, 6],
        ]),
        'all have',
      ).to.deep.equal({ kind: 'zero' });
    });

    it('differ where they do not', async () => {
      const differing = async (looks: Parameters<typeof seen>[0]) => {
        const comparison = await seen(looks);
        return comparison.kind === 'differs' ? comparison.cause : comparison;
      };
      for (const [at, page] of PAGES.entries()) {
        const there = steady.map((first, index) => (index === at ? 9 : first));
        expect(await differing([steady, there, steady])).to.deep.equal({ code: 'differs', page: BigInt(page) });
      }
      expect(
        await differing([
          [9, 2, 3],
          [8, 2, 4],
          [7, 2, 3],
        ]),
        'behind one that changed',
      ).to.deep.equal({
        code: 'differs',
        page: 0x2000n,
      });
    });
  });

  it('are read whole, each into bytes of its own', async () => {
    const map = new MemoryMap([region('ram', 0n, 0x1fffn)]);
    const [ram] = map.regions;
    if (ram === undefined) throw new Error('the map is empty');
    const block = { name: 'ram', regions: [ram], verdict: 'open' } as const;
    const bytes = {
      read: async (pieces: readonly { readonly position: number; readonly target: Uint8Array }[]) => {
        await new Promise(setImmediate);
        for (const { position, target } of pieces) target.fill(position / PAGE + 1);
      },
      close: () => {},
    };
    const sources = new Map([[ram, { kind: 'host-process', bytes, position: 0, block } as const]]);
    const memory = new HostMemory('host-process', map, sources, []);
    expect(await readPages(memory, [PAGE, 0])).to.deep.equal([
      new Uint8Array(PAGE).fill(2),
      new Uint8Array(PAGE).fill(1),
    ]);
  });
});
