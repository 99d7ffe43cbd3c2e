import type { SymbolPlace } from '../../linux/index.ts';
import { SymbolTable, searchSymbols } from '../../linux/internal.ts';
import { decodeSymbols } from '../../picture/internal.ts';
import { decompress, fromBase64 } from './decompress.ts';
import type { FoundSymbols } from './found-places.ts';

/** Symbols of the guest's Linux, wherever they are. @internal */
export interface KnownSymbols {
  /** Those of a name. */
  find(name: string): Promise<FoundSymbols>;
  /** The one that an address lies in; null for none. */
  placeOf(address: bigint): Promise<SymbolPlace | null>;
}

/** The symbols that stand in this page, which are read when they are first asked for; null where there are none. @internal */
export function symbolsOfPage(): KnownSymbols | null {
  const element = document.getElementById('symbols');
  if (element === null) return null;
  let tables: Promise<readonly SymbolTable[]> | undefined;
  const read = (): Promise<readonly SymbolTable[]> => {
    tables ??= decompress(fromBase64(element.textContent ?? '')).then((bytes) =>
      decodeSymbols(bytes).map((part) => new SymbolTable(part, part)),
    );
    return tables;
  };
  return {
    find: async (name) => {
      const { symbols, more, hasModules } = searchSymbols(await read(), name);
      const places = symbols.map(({ name: text, address }) => ({ address, text }));
      return { places, more: more ? ' or more' : '', hasModules };
    },
    // Where a module ends is not known here: only the kernel's own are told.
    placeOf: async (address) => (await read()).find(({ module }) => module === null)?.nearest(address) ?? null,
  };
}
