import type { LinuxSymbol, SymbolPlace } from '../../linux/index.ts';
import type { Style } from '../style.ts';
import { formatHex } from '../words/format-hex.ts';

/** A line of /proc/kallsyms. @param digits - of an address @public */
export function formatSymbol({ name, address, type, module }: LinuxSymbol, digits: number): string {
  return `${formatHex(address, digits).slice(2)} ${type} ${name}${module === null ? '' : ` [${module}]`}`;
}

/** @public */
export function encodeSymbol({ name, address, type, module }: LinuxSymbol): string {
  return JSON.stringify({ address: formatHex(address), type, name, module });
}

/** `do_exit+0x10/0xb30 [module]`, as kernels print it. @public */
export function formatPlace({ symbol, offsetBytes, sizeBytes }: SymbolPlace): string {
  const module = symbol.module === null ? '' : ` [${symbol.module}]`;
  return `${symbol.name}+${formatHex(offsetBytes)}/${formatHex(sizeBytes)}${module}`;
}

/** An address with the symbol that it lies in. @param digits - of an address @public */
export function formatSymbolPlace(address: bigint, place: SymbolPlace | null, digits: number, style: Style): string {
  const name = place === null ? style.faint('in no symbol') : style.strong(formatPlace(place));
  return `${formatHex(address, digits)}  ${name}`;
}

/** A place as a field of an answer. @internal */
export function placeFields(place: SymbolPlace): object {
  const { symbol, offsetBytes, sizeBytes } = place;
  return {
    symbol: symbol.name,
    offset: formatHex(offsetBytes),
    size: formatHex(sizeBytes),
    type: symbol.type,
    module: symbol.module,
  };
}

/** @public */
export function encodeSymbolPlace(address: bigint, place: SymbolPlace | null): string {
  return JSON.stringify({ address: formatHex(address), place: place === null ? null : placeFields(place) });
}
