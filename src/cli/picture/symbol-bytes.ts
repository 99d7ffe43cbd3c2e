import { deflateSync } from 'node:zlib';
import type { Linux } from '../../linux/index.ts';
import type { AreaMap } from '../../linux/internal.ts';
import { encodeSymbols } from '../../picture/internal.ts';
import type { CliContext } from '../options/command.ts';
import { LIMITS_OF_FILE } from './moment-bytes.ts';

/**
 * The symbols of a guest's Linux, compressed, for the search of a page; null where names are not shown, or there is no room.
 *
 * @param moments - which are in the page already
 * @internal
 */
export function symbolBytes(
  { linux, areas }: { readonly linux: Linux | null; readonly areas: AreaMap | null },
  moments: readonly Uint8Array[],
  { complain }: Pick<CliContext, 'complain'>,
): Uint8Array | null {
  if (linux === null || areas === null) return null;
  const tables = linux.tables().map(({ module, lowest, columns }) => ({ module, lowest, ...columns }));
  const bytes = deflateSync(encodeSymbols(tables));
  const used = moments.reduce((sum, { length }) => sum + length, bytes.length);
  if (used <= LIMITS_OF_FILE.compressedBytes) return bytes;
  complain('pagewalk: the symbols take too much room for a page, which knows areas alone; pagewalk explore has them');
  return null;
}
