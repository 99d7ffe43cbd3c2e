import { expect } from 'chai';
import type { MemoryAttempt, PhysicalMemory } from '../../../../../src/guest/index.ts';
import type { ComparePages } from '../../../../../src/guest/memory/host/compare-pages.ts';
import { type HostBlock, HostMemory } from '../../../../../src/guest/memory/host/host-memory.ts';
import { openLayeredMemory } from '../../../../../src/guest/memory/host/open-layered-memory.ts';
import { MemoryMap } from '../../../../../src/guest/memory/memory-map.ts';
import { expectRejection } from '../../../../support/expect-rejection.ts';
import { FakeMemory } from '../../../../support/fakes/fake-memory.ts';
import { region } from '../../../../support/fakes/region.ts';

const PAGE = 4096;
const ROOT = 2 * PAGE;

/** A guest of four pages, which this host has too: there they are full of 7s. */
function guestOf() {
  const map = new MemoryMap([region('ram', 0n, BigInt(4 * PAGE - 1))]);
  const [ram] = map.regions;
  if (ram === undefined) throw new Error('the map has a region');
  const block: HostBlock = { name: 'pc.ram', regions: [ram], verdict: 'open' };
  const log: string[] = [];
  const bytes = {
    read: (pieces: readonly { readonly target: Uint8Array }[]) => {
      for (const { target } of pieces) target.fill(7);
      return undefined;
    },
    close: () => void log.push('closed'),
  };
  const attempts: MemoryAttempt[] = [{ provider: 'host-file', cause: { code: 'no-file', block: 'pc.ram' } }];
  const sources = new Map([[ram, { kind: 'host-process', bytes, position: 0, block } as const]]);
  const host = new HostMemory('host-process', map, sources, attempts);
  return { map, block, host, attempts, log, trusted: new FakeMemory(4 * PAGE) };
}

async function firstByteOf(memory: PhysicalMemory): Promise<number | undefined> {
  const [bytes] = await memory.read([{ address: ROOT, lengthBytes: 1 }]);
  return bytes?.[0];
}

describe('guest memory, by this host and by a trusted way', () => {
  it('is this host’s where the tables begin in a block that is the guest’s', async () => {
    const { map, host, trusted, attempts, log } = guestOf();
    const compared: (readonly number[])[] = [];
    const same: ComparePages = async (pages) => {
      compared.push(pages);
      return { kind: 'same' };
    };
    const opened = await openLayeredMemory(host, trusted, map, same, ROOT + 0x18);
    expect(opened.provider).to.equal('host-process');
    expect(opened.attempts).to.equal(attempts);
    expect(attempts).to.have.length(1);
    expect(compared).to.deep.equal([[ROOT, 0, PAGE, 3 * PAGE]]);
    expect(await firstByteOf(opened.memory)).to.equal(7);
    expect(log).to.deep.equal([]);
    opened[Symbol.dispose]();
    expect(log).to.deep.equal(['closed']);
  });

  it('is read in the trusted way where it is not, which is said; what was opened is still to be closed', async () => {
    const { map, host, trusted, attempts, log } = guestOf();
    const opened = await openLayeredMemory(host, trusted, map, async () => ({ kind: 'zero' }), ROOT);
    expect(opened.provider).to.equal(undefined);
    expect(opened.attempts).to.deep.equal([
      { provider: 'host-file', cause: { code: 'no-file', block: 'pc.ram' } },
      { provider: 'host-process', cause: { code: 'unverified' } },
    ]);
    expect(opened.attempts).to.equal(attempts);
    expect(await firstByteOf(opened.memory)).to.equal(0);
    expect(log).to.deep.equal([]);
    opened[Symbol.dispose]();
    expect(log).to.deep.equal(['closed']);
  });

  it('is read in the trusted way where nothing was found on this host, and nothing is closed', async () => {
    const { map, attempts, trusted } = guestOf();
    const compare: ComparePages = () => Promise.reject(new Error('there is nothing to compare'));
    const opened = await openLayeredMemory(attempts, trusted, map, compare, ROOT);
    expect(opened.provider).to.equal(undefined);
    expect(opened.attempts).to.equal(attempts);
    expect(await firstByteOf(opened.memory)).to.equal(0);
    opened[Symbol.dispose]();
  });

  it('is closed at once when it cannot be compared', async () => {
    const { map, host, trusted, block, log } = guestOf();
    const failure = new Error('the stub is gone');
    const opening = openLayeredMemory(host, trusted, map, () => Promise.reject(failure), ROOT);
    expect(await expectRejection(opening)).to.equal(failure);
    expect(log).to.deep.equal(['closed']);
    expect(block.verdict).to.equal('open');
  });
});
