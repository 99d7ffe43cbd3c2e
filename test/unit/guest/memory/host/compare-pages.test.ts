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
});
