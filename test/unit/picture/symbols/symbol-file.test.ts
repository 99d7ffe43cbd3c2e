import { expect } from 'chai';
import { makeColumns, SymbolTable, searchSymbols } from '../../../../src/linux/internal.ts';
import { decodeSymbols, encodeSymbols } from '../../../../src/picture/internal.ts';

const KERNEL = new SymbolTable(
  makeColumns([
    { name: 'cpu_number', address: 0x1000n, type: 'A' },
    { name: 'do_exit', address: 0xffff_ffff_8100_0000n, type: 'T' },
    { name: 'caf\u00e9', address: 0xffff_ffff_ffff_ffffn, type: 'd' },
    { name: 'before', address: 0n, type: 't' },
  ]),
  { lowest: 0xffff_ffff_8000_0000n },
);
const FUSE = new SymbolTable(makeColumns([{ name: 'do_exit', address: 0xffff_ffff_c000_0000n, type: 't' }]), {
  module: 'fuse',
});

function partOf({ module, lowest, columns }: SymbolTable) {
  return { module, lowest, ...columns };
}

describe('picture symbols', () => {
  const bytes = encodeSymbols([partOf(KERNEL), partOf(FUSE)]);

  it('are what they were after a way through bytes', () => {
    const tables = decodeSymbols(bytes).map((part) => new SymbolTable(part, part));
    expect(tables.map((table) => [...table])).to.deep.equal([[...KERNEL], [...FUSE]]);
    expect(searchSymbols(tables, 'do_exit+0x10')).to.deep.equal(searchSymbols([KERNEL, FUSE], 'do_exit+0x10'));
    expect(searchSymbols(tables, 'cpu_number').symbols).to.deep.equal([]);
    expect(decodeSymbols(encodeSymbols([]))).to.deep.equal([]);
  });

  it('that were cut off, or damaged, are an error of the picture, and take no room', () => {
    for (let length = 0; length < bytes.length; length += 1) {
      expect(() => decodeSymbols(bytes.slice(0, length)), String(length))
        .to.throw()
        .with.property('code', 'ERR_PICTURE');
    }
    expect(() => decodeSymbols(Uint8Array.from([...bytes, 0]))).to.throw(/follows the end/);
    const many = Buffer.from('pagewalk symbols\n\x01\x00\x00\x00\xff\xff\xff\xff\x7f\x01', 'latin1');
    expect(() => decodeSymbols(many)).to.throw(/cut off/);
  });
});
