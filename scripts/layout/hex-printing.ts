import { type Finding, findMatches, type SourceFile } from './source-file.ts';

/** The ways to make hexadecimal digits out of a number or bytes. */
const MAKES_HEX = /\.toString\(16\)|\.toString\('hex'\)/g;

/** Where digits are made, each with what they are for. */
const FORMATTERS = new Set([
  // Everything that people and JSON readers see.
  'src/paging/format-hex.ts',
  // Digits on the wire, which have no 0x.
  'protocols/gdb/hex.ts',
  // Names that none guesses.
  'protocols/transport/files/random-bytes.ts',
  // Characters that no terminal should get.
  'protocols/transport/printable-text.ts',
]);

/** Hexadecimal is printed in few places, so that it looks the same everywhere. Tests and scripts print as they like. */
export function checkHexPrinting(files: readonly SourceFile[]): Finding[] {
  const applies = (path: string): boolean => /^(?:src|protocols)\/.*\.ts$/.test(path) && !FORMATTERS.has(path);
  return findMatches(files, MAKES_HEX, applies, ([what]) => `${what}: hexadecimal is made by src/paging/format-hex.ts`);
}
