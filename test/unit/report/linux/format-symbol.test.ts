import { expect } from 'chai';
import {
  COLOURED,
  encodeSymbol,
  encodeSymbolPlace,
  formatPlace,
  formatSymbol,
  formatSymbolPlace,
  PLAIN,
} from '../../../../src/report/index.ts';

const OWN = { name: 'do_exit', address: 0xffff_ffff_8108_0000n, type: 'T', module: null };
const OF_MODULE = { name: 'fuse_open', address: 0xffff_ffff_c000_1000n, type: 't', module: 'fuse' };

describe('report/formatSymbol', () => {
  it('is a line of /proc/kallsyms, with as many digits as addresses have', () => {
    expect(formatSymbol(OWN, 16)).to.equal('ffffffff81080000 T do_exit');
    expect(formatSymbol(OF_MODULE, 16)).to.equal('ffffffffc0001000 t fuse_open [fuse]');
    expect(formatSymbol({ ...OWN, address: 0xc0_1000n }, 8)).to.equal('00c01000 T do_exit');
  });

  it('is an object of JSON', () => {
    expect(JSON.parse(encodeSymbol(OF_MODULE))).to.deep.equal({
      ...{ address: '0xffffffffc0001000', type: 't', name: 'fuse_open', module: 'fuse' },
    });
  });
});

describe('report/formatSymbolPlace', () => {
  const place = { symbol: OF_MODULE, offsetBytes: 0x10, sizeBytes: 0xb30 };

  it('says of an address what kernels print of it', () => {
    expect(formatPlace(place)).to.equal('fuse_open+0x10/0xb30 [fuse]');
    expect(formatPlace({ ...place, symbol: OWN })).to.equal('do_exit+0x10/0xb30');
    expect(formatSymbolPlace(0xc0_1010n, { ...place, symbol: OWN }, 8, PLAIN)).to.equal(
      '0x00c01010  do_exit+0x10/0xb30',
    );
  });

  it('says so of an address in no symbol', () => {
    expect(formatSymbolPlace(0x10n, null, 16, PLAIN)).to.equal('0x0000000000000010  in no symbol');
    expect(formatSymbolPlace(0x10n, null, 16, COLOURED)).to.contain('\u001b[2min no symbol');
    expect(JSON.parse(encodeSymbolPlace(0x10n, null))).to.deep.equal({ address: '0x10', place: null });
  });

  it('is an object of JSON', () => {
    expect(JSON.parse(encodeSymbolPlace(0xffff_ffff_c000_1010n, place))).to.deep.equal({
      address: '0xffffffffc0001010',
      place: { symbol: 'fuse_open', offset: '0x10', size: '0xb30', type: 't', module: 'fuse' },
    });
  });
});
