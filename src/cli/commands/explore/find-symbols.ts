import type { Linux } from '../../../linux/index.ts';
import { searchSymbols } from '../../../linux/internal.ts';
import { formatHex } from '../../../paging/index.ts';
import type { FoundSymbols } from './page-server.ts';

/** Symbols of a name, as they are served. @internal */
export function findSymbols(linux: Pick<Linux, 'tables'>, text: string): FoundSymbols {
  const { symbols, ...rest } = searchSymbols(linux.tables(), text);
  return { ...rest, symbols: symbols.map(({ name, address }) => ({ name, address: formatHex(address) })) };
}
