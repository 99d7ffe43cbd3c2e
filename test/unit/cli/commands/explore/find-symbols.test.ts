import { expect } from 'chai';
import { findSymbols } from '../../../../../src/cli/commands/explore/find-symbols.ts';
import { makeColumns, SymbolTable } from '../../../../../src/linux/internal.ts';

const KERNEL = new SymbolTable(
  makeColumns([
    { name: 'cpu_number', address: 0x1000n, type: 'A' },
    { name: 'do_exit', address: 0xffff_ffff_8100_0000n, type: 'T' },
    { name: 'do_exit_group', address: 0xffff_ffff_8100_1000n, type: 'T' },
    ...Array.from({ length: 80 }, (_, nth) => ({
      name: `sys_${nth}`,
      address: 0xffff_ffff_8200_0000n + BigInt(nth),
      type: 't',
    })),
  ]),
  { lowest: 0xffff_ffff_8000_0000n },
);
const FUSE = new SymbolTable(makeColumns([{ name: 'do_exit', address: 0xffff_ffff_c000_0000n, type: 't' }]), {
  module: 'fuse',
});
const linux = { tables: () => [KERNEL, FUSE] };

describe('cli/explore findSymbols', () => {
  it('knows symbols by their names, those of modules too, with an offset or not', () => {
    expect(findSymbols(linux, 'do_exit')).to.deep.equal({
      symbols: [
        { name: 'do_exit', address: '0xffffffff81000000' },
        { name: 'do_exit [fuse]', address: '0xffffffffc0000000' },
      ],
      more: false,
      hasModules: true,
    });
    expect(findSymbols(linux, 'do_exit_group+0x20').symbols).to.deep.equal([
      { name: 'do_exit_group+0x20', address: '0xffffffff81001020' },
    ]);
  });

  it('takes a part of a name where none is called so, and not more than can be looked at', () => {
    for (const part of ['exit_', 'EXIT_']) {
      expect(findSymbols(linux, part).symbols.map(({ name }) => name)).to.deep.equal(['do_exit_group']);
    }
    const { symbols, more } = findSymbols(linux, 'sys');
    expect(symbols).to.have.length(64);
    expect(more).to.equal(true);
    expect(findSymbols(linux, 'nothing')).to.deep.equal({ symbols: [], more: false, hasModules: true });
    expect(findSymbols({ tables: () => [KERNEL] }, 'nothing').hasModules).to.equal(false);
  });

  it('does not take the offset of a per-CPU variable for an address', () => {
    expect(findSymbols(linux, 'cpu_number').symbols).to.deep.equal([]);
    expect(findSymbols(linux, 'cpu_num').symbols).to.deep.equal([]);
  });
});
