import { expect } from 'chai';
import { MemoryMap } from '../../../../src/guest/memory/memory-map.ts';
import { PageCache } from '../../../../src/guest/memory/page-cache.ts';
import type { PhysicalMemory } from '../../../../src/guest/memory/physical-memory.ts';
import { expectRejection } from '../../../support/expect-rejection.ts';
import { region } from '../../../support/fakes/region.ts';

const MAP = new MemoryMap([region('ram', 0x0n, 0xffffn)]);

describe('the cache of pages', () => {
  it('has no page before its bytes are there: another question may be under way', async () => {
    let arrive = (): void => {};
    const arrived = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    const slow: PhysicalMemory = {
      read: async (pieces) => {
        await arrived;
        return pieces.map(({ lengthBytes }) => new Uint8Array(lengthBytes).fill(0x11));
      },
    };
    const cache = new PageCache(slow, MAP);
    const loading = cache.load([1]);
    expect(cache.words(1)).to.equal(undefined);
    arrive();
    await loading;
    expect(cache.words(1)?.[0]).to.equal(0x1111_1111);
  });

  it('has no page that could not be read', async () => {
    const cache = new PageCache({ read: () => Promise.reject(new RangeError('it is gone')) }, MAP);
    expect(await expectRejection(cache.load([1]))).to.be.instanceOf(RangeError);
    expect(cache.words(1)).to.equal(undefined);
    await cache.load([0x20]);
    expect(cache.words(0x20), 'outside of memory').to.equal(null);
  });
});
