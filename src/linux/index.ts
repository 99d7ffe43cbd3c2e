export type { LinuxArea, LinuxAreaKind } from './areas/linux-area.ts';
export type { LinuxEntry, LinuxEntryBit, SwapBits } from './entries/linux-entry.ts';
export { LinuxDataError, LinuxError, LinuxLookupError } from './errors.ts';
export type { WantedSymbol } from './find-symbol.ts';
export { Linux } from './linux.ts';
export type { LinuxTask } from './processes/read-tasks.ts';
export { type AddressRange, type LinuxSymbol, type SymbolPlace, SymbolTable } from './symbols/symbol-table.ts';
