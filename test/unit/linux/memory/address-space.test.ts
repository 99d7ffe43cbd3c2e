import { expect } from 'chai';
import { FlatMemory } from '../../../support/linux/flat-memory.ts';

describe('linux/AddressSpace', () => {
  it('fetches what lies in pages of its own in parts of 64 MiB', async () => {
    const memory = new FlatMemory();
    const pieces = Array.from({ length: 40_000 }, (_, at) => ({ address: BigInt(0x2000 * at), lengthBytes: 8 }));
    memory.word(0x2000 * 39_999, 7);
    const read = await memory.space.readMany(pieces);
    expect(read).to.have.length(40_000);
    expect(read.filter((bytes) => bytes !== null)).to.deep.equal([Uint8Array.of(7, 0, 0, 0, 0, 0, 0, 0)]);
    expect(Math.max(...memory.flights)).to.be.at.most(16_384);
    await memory.space.load(pieces);
    expect(memory.flights).to.have.length(5);
  });

  it('reads words of structures, and holds nothing of what lies between them', async () => {
    const memory = new FlatMemory();
    memory.word(0x1000, 1, 2);
    memory.word(0x9000_1000, 3);
    memory.word(0x2000, 4, 5);
    const words = await memory.space.readWords([0x1000n, 0x2000n], [0, 8, 0x9000_0000], 8);
    expect(words).to.deep.equal([[1n, 2n, 3n], null]);
    expect(memory.flights).to.deep.equal([4]);
    expect(await memory.space.readWords([0x1008n], [0, -8], 4)).to.deep.equal([[2n, 1n]]);
    memory.word(0x2ff8, 0x8877_6655_4433_2211n);
    memory.word(0x3000, 0xaa99n);
    // At no word's place, and across two pages.
    const odd = await memory.space.readWords([0x2ff9n, 0x2ffcn], [0, 1], 8);
    expect(odd).to.deep.equal([
      [0x9988_7766_5544_3322n, 0xaa_9988_7766_5544_33n],
      [0xaa99_8877_6655n, 0xaa_9988_7766n],
    ]);
  });
});
