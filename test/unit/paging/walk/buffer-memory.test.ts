import { expect } from 'chai';
import { bufferMemory } from '../../../../src/paging/index.ts';

describe('page tables in a buffer', () => {
  const bytes = Uint8Array.from({ length: 24 }, (_, at) => at);

  function read(address: bigint, size: 4 | 8, base = 0n): string | undefined {
    return bufferMemory(bytes, base).readEntry(address, size)?.toString(16);
  }

  it('are read little-endian, in both sizes', () => {
    expect(read(0n, 8)).to.equal('706050403020100');
    expect(read(4n, 4)).to.equal('7060504');
  });

  it('begin where they are said to', () => {
    expect(read(0x10_0000_0008n, 8, 0x10_0000_0000n)).to.equal('f0e0d0c0b0a0908');
    expect(read(0xf_ffff_fff8n, 8, 0x10_0000_0000n)).to.equal(undefined);
  });

  it('end with the last byte, and not one further', () => {
    expect(read(16n, 8)).to.equal('1716151413121110');
    expect(read(17n, 8)).to.equal(undefined);
    expect(read(20n, 4)).to.equal('17161514');
    expect(read(21n, 4)).to.equal(undefined);
    expect(read(1n << 60n, 8)).to.equal(undefined);
  });

  it('may be a part of a larger buffer', () => {
    const part = bufferMemory(bytes.subarray(8, 16));
    expect(part.readEntry(0n, 8)?.toString(16)).to.equal('f0e0d0c0b0a0908');
    expect(part.readEntry(8n, 8)).to.equal(null);
  });
});
