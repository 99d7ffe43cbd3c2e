import { symbolsLike } from './find-symbol.ts';
import type { LinuxSymbol, SymbolTable } from './symbols/symbol-table.ts';

/** So many are answered. */
const MOST = 64;

/** An address that was looked for by a name. @internal */
export interface FoundSymbol {
  /** With the offset that was asked for, and the module: `do_exit+0x10 [fuse]`. */
  readonly name: string;
  readonly address: bigint;
}

/** @internal */
export interface SymbolSearch {
  readonly symbols: readonly FoundSymbol[];
  /** There are more. */
  readonly more: boolean;
  /** Symbols of modules were looked through as well. */
  readonly hasModules: boolean;
}

/** Symbols of a name, with `+0x10` behind it or not; those that have it in their names where none is called so. @internal */
export function searchSymbols(tables: readonly SymbolTable[], text: string): SymbolSearch {
  const [, name = text, offset = '0'] = /^(.+)\+(0x[0-9a-f]{1,8}|[0-9]{1,8})$/i.exec(text) ?? [];
  // Below the lowest are the offsets of per-CPU variables, which name no address.
  const exact = tables.flatMap((table) => table.find(name).filter(({ address }) => address >= table.lowest));
  const found = exact.length > 0 ? exact : containing(tables, name);
  const told = found.slice(0, MOST).map((symbol) => ({
    name: `${symbol.name}${offset === '0' ? '' : `+${offset}`}${symbol.module === null ? '' : ` [${symbol.module}]`}`,
    address: BigInt.asUintN(64, symbol.address + BigInt(offset)),
  }));
  return { symbols: told, more: found.length > MOST, hasModules: tables.some(({ module }) => module !== null) };
}

/** One more than are answered, at most. */
function containing(tables: readonly SymbolTable[], part: string): readonly LinuxSymbol[] {
  const found: LinuxSymbol[] = [];
  for (const { table, index } of symbolsLike(tables, part)) {
    const symbol = table.at(index);
    if (symbol.address >= table.lowest) found.push(symbol);
    if (found.length > MOST) break;
  }
  return found;
}
