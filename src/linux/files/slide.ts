import { formatHex } from '../../paging/index.ts';
import { LinuxDataError } from '../errors.ts';
import { SymbolTable } from '../symbols/symbol-table.ts';

/** Where a kernel's image may be moved to, in steps of this (CONFIG_PHYSICAL_ALIGN is 2 MiB at least). */
const ALIGNMENT = 0x20_0000n;

/**
 * The symbols of a file where the kernel is that runs: KASLR has moved it.
 *
 * @param textFirst - where the running kernel's text begins
 * @param modules - tables of modules, which are where they are
 * @throws LinuxDataError `ERR_LINUX_DATA` for a file of another kernel: its text cannot have been moved there.
 * @internal
 */
export function slideTo(tables: readonly SymbolTable[], textFirst: bigint, what: string): SymbolTable[] {
  const kernel = tables.find(({ module }) => module === null);
  const start = kernel?.addressOf('_stext') ?? kernel?.addressOf('_text');
  if (kernel === undefined || start === undefined) {
    throw new LinuxDataError(what, 'it names no _stext and no _text, by which its place in the guest is known');
  }
  const slide = textFirst - start;
  if (slide === 0n) return [...tables];
  if (slide % ALIGNMENT !== 0n) {
    throw new LinuxDataError(
      what,
      `its text begins at ${formatHex(start)}, and that of the guest's kernel at ${formatHex(textFirst)}: it is of another kernel`,
    );
  }
  // Modules in the file were where they were at another boot.
  return [moved(kernel, slide, start)];
}

/** Offsets of per-CPU variables lie below the text and stay what they are. */
function moved({ columns, module }: SymbolTable, slide: bigint, start: bigint): SymbolTable {
  const addresses = columns.addresses.map((address) =>
    address < start ? address : BigInt.asUintN(64, address + slide),
  );
  return new SymbolTable({ ...columns, addresses }, { module, lowest: BigInt.asUintN(64, start + slide) });
}
