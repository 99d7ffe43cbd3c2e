import type { HandedFile } from '../connection.ts';
import type { NamelessFile } from '../files/nameless-file.ts';

/**
 * A file without a name as what is handed over; it is closed with the connection that has it.
 *
 * @param number - of the descriptor, as its carrier knows it
 * @throws Error in words where there is no file.
 * @internal
 */
export function handedFile(file: NamelessFile | undefined, number: number): HandedFile {
  if (file === undefined) throw new Error('no file can be made in the temporary folder');
  return { handed: { number }, take: (maxBytes) => file.take(maxBytes), close: () => {} };
}
