import { formatHex } from '../words/format-hex.ts';

/** A process, or a file, may be called anything; a terminal gets none of its escapes. @internal */
export function printable(name: string): string {
  return name.replace(/[^\x20-\x7e]/g, (character) => `\\x${formatHex(character.charCodeAt(0), 2).slice(2)}`);
}
