import { encodeText } from '../memory/latin-text.ts';
import type { SymbolColumns } from './symbol-table.ts';

/** A symbol before it is in a table. @internal */
export interface PlainSymbol {
  readonly name: string;
  readonly address: bigint;
  readonly type: string;
}

/** Columns of a few symbols, in their order. @internal */
export function makeColumns(symbols: readonly PlainSymbol[]): SymbolColumns {
  const starts = new Uint32Array(symbols.length + 1);
  let end = 0;
  symbols.forEach(({ name }, at) => {
    end += name.length + 1;
    starts[at + 1] = end;
  });
  const names = new Uint8Array(end);
  symbols.forEach(({ name }, at) => {
    names.set(encodeText(name), starts[at]);
  });
  return {
    addresses: BigUint64Array.from(symbols, ({ address }) => BigInt.asUintN(64, address)),
    types: Uint8Array.from(symbols, ({ type }) => type.charCodeAt(0)),
    names,
    starts,
  };
}
