import type { Linux } from '../../../linux/index.ts';
import { formatHex } from '../../../paging/index.ts';
import type { FoundSymbols } from './page-server.ts';

/** So many are answered. */
const MOST = 64;

/** Symbols of a name, with `+0x10` behind it or not; those that have it in their names where none is called so. @internal */
export function findSymbols(linux: Pick<Linux, 'tables'>, text: string): FoundSymbols {
  const [, name = text, offset = '0'] = /^(.+)\+(0x[0-9a-f]{1,8}|[0-9]{1,8})$/i.exec(text) ?? [];
  const tables = [...linux.tables()];
  // Below the lowest are the offsets of per-CPU variables, which name no address.
  const exact = tables.flatMap((table) => table.find(name).filter(({ address }) => address >= table.lowest));
  const found = exact.length > 0 ? exact : [...containing(tables, name)];
  const told = found.slice(0, MOST).map((symbol) => ({
    name: `${symbol.name}${offset === '0' ? '' : `+${offset}`}${symbol.module === null ? '' : ` [${symbol.module}]`}`,
    address: formatHex(BigInt.asUintN(64, symbol.address + BigInt(offset))),
  }));
  return { symbols: told, more: found.length > MOST };
}

type Table = ReturnType<Linux['tables']> extends Iterable<infer T> ? T : never;

/** One more than are answered. */
function* containing(tables: readonly Table[], part: string): Generator<ReturnType<Table['at']>> {
  let count = 0;
  for (const table of tables) {
    for (let index = 0; index < table.length && count <= MOST; index += 1) {
      if (!table.nameAt(index).includes(part)) continue;
      const symbol = table.at(index);
      if (symbol.address < table.lowest) continue;
      count += 1;
      yield symbol;
    }
  }
}
