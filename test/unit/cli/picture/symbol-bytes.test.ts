import { inflateSync } from 'node:zlib';
import { expect } from 'chai';
import { LIMITS_OF_FILE } from '../../../../src/cli/picture/moment-bytes.ts';
import { symbolBytes } from '../../../../src/cli/picture/symbol-bytes.ts';
import { AreaMap, Linux, makeColumns, SymbolTable } from '../../../../src/linux/internal.ts';
import { decodeSymbols } from '../../../../src/picture/internal.ts';
import { FlatMemory, namesWith } from '../../../support/linux/flat-memory.ts';

const COLUMNS = makeColumns([{ name: 'do_exit', type: 'T', address: 0x1000n }]);
const SYMBOLS = new SymbolTable(COLUMNS, { lowest: 0x1000n });
const linux = new Linux({ ...namesWith(null), symbols: SYMBOLS }, new FlatMemory().space);
const areas = new AreaMap([]);

function bytesBeside(moments: readonly Uint8Array[]): { readonly bytes: Uint8Array | null; readonly said: string[] } {
  const said: string[] = [];
  return { bytes: symbolBytes({ linux, areas }, moments, { complain: (line) => void said.push(line) }), said };
}

describe('cli/symbolBytes', () => {
  it('has the symbols of all tables, compressed', () => {
    const { bytes, said } = bytesBeside([]);
    expect(said).to.deep.equal([]);
    const [table, ...others] = decodeSymbols(inflateSync(bytes ?? new Uint8Array(0)));
    expect(others).to.deep.equal([]);
    expect(table).to.deep.include({ module: null, lowest: 0x1000n });
  });

  it('has none where names are not shown', () => {
    const complain = (): void => expect.fail('nothing is to be said');
    expect(symbolBytes({ linux: null, areas }, [], { complain })).to.equal(null);
    expect(symbolBytes({ linux, areas: null }, [], { complain })).to.equal(null);
  });

  it('leaves them out, and says so, where moments leave no room', () => {
    const own = bytesBeside([]).bytes?.length ?? 0;
    const left = LIMITS_OF_FILE.compressedBytes - own;
    const just = bytesBeside([new Uint8Array(left - 10), new Uint8Array(10)]);
    expect([just.bytes?.length, just.said]).to.deep.equal([own, []]);
    const more = bytesBeside([new Uint8Array(left - 10), new Uint8Array(11)]);
    expect(more.bytes).to.equal(null);
    expect(more.said).to.deep.equal([
      'pagewalk: the symbols take too much room for a page, which knows areas alone; pagewalk explore has them',
    ]);
  });
});
