import { formatHex } from '../paging/index.ts';
import { LinuxLookupError } from './errors.ts';
import type { LinuxSymbol, SymbolTable } from './symbols/symbol-table.ts';

/** A symbol as a question names it. @public */
export interface WantedSymbol {
  readonly name: string;
  /** The module that it must belong to; undefined for any, or none. */
  readonly module?: string | undefined;
  /** How many bytes it must have, where a line of an oops says so. */
  readonly sizeBytes?: number | undefined;
}

/** Of what a question may have meant, so many are told. @internal */
export const MOST_CANDIDATES = 8;

/** The first of many, and a mark where there are more. @internal */
export function firstOf(candidates: readonly string[]): readonly string[] {
  const told = candidates.slice(0, MOST_CANDIDATES);
  return told.length < candidates.length ? [...told, '…'] : told;
}

/**
 * The only symbol of a name. Of several at the same address any will do; of several elsewhere one is known by its size, if that
 * is given.
 *
 * @param problems - why not all symbols are in the tables
 * @throws LinuxLookupError `ERR_LINUX_LOOKUP` where there is none, or more than one: its message lists them.
 * @internal
 */
export function findSymbol(
  tables: readonly SymbolTable[],
  wanted: WantedSymbol,
  problems: readonly string[] = [],
): LinuxSymbol {
  const { name, module, sizeBytes } = wanted;
  const searched = tables.filter((table) => module === undefined || table.module === module);
  const all = searched.flatMap((table) => table.find(name));
  const sized =
    sizeBytes === undefined
      ? all
      : all.filter(({ address }) => tables.some((table) => table.nearest(address)?.sizeBytes === sizeBytes));
  const found = sized.length > 0 ? sized : all;
  const [first] = found;
  if (first === undefined) {
    const doubt = problems.length === 0 ? '' : ` (${firstOf(problems).join('; ')})`;
    throw new LinuxLookupError(name, `${describeAbsent(searched, wanted)}${doubt}`, likeNames(searched, name));
  }
  if (found.every(({ address }) => address === first.address)) return first;
  const places = found.map((symbol) => `${formatHex(symbol.address)}${ofModule(symbol)}`);
  throw new LinuxLookupError(
    name,
    `${found.length} symbols are called ${JSON.stringify(name)}: ${firstOf(places).join(', ')}; take one of them by its address`,
    places.slice(0, MOST_CANDIDATES),
  );
}

function ofModule({ module }: LinuxSymbol): string {
  return module === null ? '' : ` (${module})`;
}

function describeAbsent(tables: readonly SymbolTable[], { name, module }: WantedSymbol): string {
  if (module !== undefined && tables.length === 0) return `no module ${JSON.stringify(module)} is loaded`;
  const like = likeNames(tables, name);
  const hint = like.length === 0 ? '' : `; there are ${like.join(', ')}`;
  const where = module === undefined ? '' : ` of the module ${module}`;
  return `no symbol${where} is called ${JSON.stringify(name)}${hint}`;
}

/** Names that contain what was asked for. */
function likeNames(tables: readonly SymbolTable[], name: string): string[] {
  const like = new Set<string>();
  for (const { table, index } of symbolsLike(tables, name)) {
    like.add(table.nameAt(index));
    if (like.size === MOST_CANDIDATES) break;
  }
  return [...like];
}

/** Symbols whose names contain a part, in either case. @internal */
export function* symbolsLike(
  tables: readonly SymbolTable[],
  part: string,
): Generator<{ readonly table: SymbolTable; readonly index: number }> {
  const wanted = part.toLowerCase();
  for (const table of tables) {
    for (let index = 0; index < table.length; index += 1) {
      if (table.nameAt(index).toLowerCase().includes(wanted)) yield { table, index };
    }
  }
}
