import { expect } from 'chai';
import { LinuxDataError } from '../../../../src/linux/errors.ts';
import { makeColumns } from '../../../../src/linux/symbols/make-columns.ts';
import { SymbolTable } from '../../../../src/linux/symbols/symbol-table.ts';

const SYMBOLS = [
  { name: 'a_offset', address: 0x40n, type: 'A' },
  { name: '_stext', address: 0x1000n, type: 'T' },
  { name: 'alias', address: 0x1000n, type: 't' },
  { name: 'do_exit', address: 0x1200n, type: 'T' },
  { name: 'twice', address: 0x1400n, type: 't' },
  { name: 'twice', address: 0x1500n, type: 't' },
  { name: '_end', address: 0x2000n, type: 'B' },
];

describe('linux/SymbolTable', () => {
  const table = new SymbolTable(makeColumns(SYMBOLS), { lowest: 0x1000n });
  const nearest = (address: bigint): string | null => {
    const place = table.nearest(address);
    return place && `${place.symbol.name}+${place.offsetBytes}/${place.sizeBytes}`;
  };

  it('finds every symbol of a name', () => {
    expect(table.find('twice').map(({ address }) => address)).to.deep.equal([0x1400n, 0x1500n]);
    expect(table.find('do_exi')).to.deep.equal([]);
    expect(table.addressOf('_end')).to.equal(0x2000n);
  });

  it('names an address by the first symbol of the nearest address below, up to the next', () => {
    expect(nearest(0x1000n)).to.equal('_stext+0/512');
    expect(nearest(0x11ffn)).to.equal('_stext+511/512');
    expect(nearest(0x1210n)).to.equal('do_exit+16/512');
    expect(nearest(0x1fffn)).to.equal('twice+2815/2816');
  });

  it('names no address below the text or behind the last symbol', () => {
    expect([0n, 0x40n, 0xfffn, 0x2000n, 0xffff_ffff_ffff_ffffn].map(nearest)).to.deep.equal(Array(5).fill(null));
  });

  it('names addresses alike in whatever order the symbols came', () => {
    const turned = new SymbolTable(makeColumns([...SYMBOLS].reverse()), { lowest: 0x1000n });
    for (let address = 0n; address < 0x2100n; address += 0x40n) {
      expect(turned.nearest(address)?.offsetBytes).to.equal(table.nearest(address)?.offsetBytes);
    }
  });

  it('is not held up by one name, one address, a hundred thousand times over', () => {
    const count = 300_000;
    const columns = makeColumns(Array.from({ length: count }, () => ({ name: 'same', address: 0x1000n, type: 't' })));
    const addresses = columns.addresses.map((address, index) => (index === count - 1 ? address + 0x10n : address));
    const same = new SymbolTable({ ...columns, addresses });
    expect(same.find('same')).to.have.lengthOf(count);
    for (let time = 0; time < count; time += 1) same.nearest(0x1008n);
    expect(same.nearest(0x1008n)).to.deep.include({ offsetBytes: 8, sizeBytes: 16 });
  });

  it('refuses columns that do not fit each other', () => {
    const columns = makeColumns(SYMBOLS);
    expect(() => new SymbolTable({ ...columns, types: columns.types.slice(1) })).to.throw(LinuxDataError);
    expect(() => new SymbolTable({ ...columns, starts: columns.starts.map(() => 0) })).to.throw(LinuxDataError);
    expect(() => new SymbolTable({ ...columns, names: columns.names.slice(1) })).to.throw(LinuxDataError);
  });
});
