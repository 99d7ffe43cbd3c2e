import { expect } from 'chai';
import { MemoryMap } from '../../../../src/guest/memory/memory-map.ts';
import { readVmcbField } from '../../../../src/guest/vcpu/vmcb.ts';
import { FakeMemory } from '../../../support/fakes/fake-memory.ts';
import { region } from '../../../support/fakes/region.ts';

describe('a field of a VMCB', () => {
  const map = new MemoryMap([region('ram', 0x1000n, 0x1fffn), region('device', 0x2000n, 0x2fffn)]);

  it('is eight bytes, the lowest first, of memory and of nothing else', async () => {
    const memory = new FakeMemory(0x3000);
    memory.setEntry(0x1000, 0x8000_0000_0000_0001n);
    memory.setEntry(0x1ff8, 0x0123_4567_89ab_cdefn);
    const seen = { memory, map };
    expect(await readVmcbField(0x1000, seen)).to.equal(0x8000_0000_0000_0001n);
    expect(await readVmcbField(0x1ff8, seen)).to.equal(0x0123_4567_89ab_cdefn);
    expect(memory.flights).to.deep.equal([['r 0x1000+8'], ['r 0x1ff8+8']]);
    for (const address of [0xff8, 0x1ff9, 0x1ffc, 0x2000, 0x3000]) {
      expect(await readVmcbField(address, seen)).to.equal(null);
    }
    expect(memory.flights).to.have.length(2);
  });

  it('is read where its bytes lie in a larger buffer, and is null where none came', async () => {
    const bytes = new Uint8Array(24).fill(0xee);
    bytes.set([1, 2, 3, 4, 5, 6, 7, 8], 8);
    const inside = { read: async () => [bytes.subarray(8, 16)] };
    expect(await readVmcbField(0x1000, { memory: inside, map })).to.equal(0x0807_0605_0403_0201n);
    expect(await readVmcbField(0x1000, { memory: { read: async () => [] }, map })).to.equal(null);
  });
});
