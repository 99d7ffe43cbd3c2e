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

const NAMES_IN_MESSAGES = 8;

/**
 * The only symbol of a name. Of several at the same address any will do; of several elsewhere one is known by its size, if that
 * is given.
 *
 * @throws LinuxLookupError `ERR_LINUX_LOOKUP` where there is none, or more than one: its message lists them.
 * @internal
 */
export function findSymbol(tables: readonly SymbolTable[], wanted: WantedSymbol): LinuxSymbol {
  const { name, module, sizeBytes } = wanted;
  const searched = tables.filter((table) => module === undefined || table.module === module);
  const all = searched.flatMap((table) => table.find(name));
  const sized =
    sizeBytes === undefined
      ? all
      : all.filter(({ address }) => tables.some((table) => table.nearest(address)?.sizeBytes === sizeBytes));
  const found = sized.length > 0 ? sized : all;
  const [first] = found;
  if (first === undefined)
    throw new LinuxLookupError(name, describeAbsent(searched, wanted), likeNames(searched, name));
  if (found.every(({ address }) => address === first.address)) return first;
  const places = found.slice(0, NAMES_IN_MESSAGES).map((symbol) => `${formatHex(symbol.address)}${ofModule(symbol)}`);
  const more = found.length > places.length ? ', …' : '';
  throw new LinuxLookupError(
    name,
    `${found.length} symbols are called ${JSON.stringify(name)}: ${places.join(', ')}${more}; take one of them by its address`,
    places,
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
  const wanted = name.toLowerCase();
  for (const table of tables) {
    for (let index = 0; index < table.length && like.size < NAMES_IN_MESSAGES; index += 1) {
      const candidate = table.nameAt(index);
      if (candidate.toLowerCase().includes(wanted)) like.add(candidate);
    }
  }
  return [...like];
}
