import { LinuxDataError } from '../errors.ts';
import { decodeBytes } from '../memory/latin-text.ts';
import { makeColumns, type PlainSymbol } from '../symbols/make-columns.ts';
import { SymbolTable } from '../symbols/symbol-table.ts';

const NEWLINE = 0x0a;
const MOST_SYMBOLS = 4_000_000;
const MOST_LINE_BYTES = 4096;
/** `ffffffff81000000 T _stext`, and of a module `[fuse]` behind it. */
const LINE = /^([0-9a-f]{1,16}) ([A-Za-z?]) ([^\s]+)(?:\s+\[([^\]\s]+)\])?$/i;

/**
 * Symbols as System.map, `nm` and /proc/kallsyms list them: an address, a letter, a name, and perhaps a module.
 *
 * @returns a table for the kernel, and one for each module
 * @throws LinuxDataError `ERR_LINUX_DATA` for a line that is something else, with its number.
 * @internal
 */
export function parseSymbolLines(bytes: Uint8Array, what: string): SymbolTable[] {
  const byModule = new Map<string | null, PlainSymbol[]>();
  let count = 0;
  let number = 0;
  for (let from = 0; from < bytes.length; ) {
    const newline = bytes.indexOf(NEWLINE, from);
    const end = newline < 0 ? bytes.length : newline;
    number += 1;
    if (end - from > MOST_LINE_BYTES) throw new LinuxDataError(what, `line ${number} is too long for a symbol`);
    const line = decodeBytes(bytes, from, end).trim();
    from = end + 1;
    const [, digits, type = '?', name = '', module = null] = LINE.exec(line) ?? [];
    if (digits === undefined) {
      // nm has lines without an address, for what another file defines.
      if (/^[UwW] \S+$/.test(line) || line === '') continue;
      throw new LinuxDataError(what, `line ${number} is not an address, a letter and a name`);
    }
    if (count === MOST_SYMBOLS) throw new LinuxDataError(what, `it has more than ${MOST_SYMBOLS} symbols`);
    count += 1;
    const symbol = { name, type, address: BigInt(`0x${digits}`) };
    const known = byModule.get(module);
    if (known === undefined) byModule.set(module, [symbol]);
    else known.push(symbol);
  }
  if (count === 0) throw new LinuxDataError(what, 'it has no symbols');
  return [...byModule].map(
    ([module, symbols]) => new SymbolTable(makeColumns(symbols), { module, lowest: lowestOf(symbols) }),
  );
}

/** Whatever is below the text is an offset, where there is a text. */
function lowestOf(symbols: readonly PlainSymbol[]): bigint {
  const text = symbols.find(({ name }) => name === '_stext' || name === '_text');
  return text?.address ?? 0n;
}
