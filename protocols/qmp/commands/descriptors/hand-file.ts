import * as z from 'zod/mini';
import type { HandedFile } from '../../../transport/internal.ts';
import type { QmpExecutor } from '../../executor.ts';

const addedSchema = z.object({ 'fdset-id': z.int().check(z.nonnegative()) });
const fdsetsSchema = z.array(
  z.object({ 'fdset-id': z.int(), fds: z.array(z.object({ opaque: z.optional(z.string()) })) }),
);

/**
 * `add-fd`: QEMU opens the file whenever it is told the path that this gives. Where it has one, it is that.
 *
 * @param label - by which it is found again
 * @internal
 */
export async function handFile(
  qmp: QmpExecutor,
  label: string,
  { handed }: Pick<HandedFile, 'handed'>,
): Promise<string> {
  if ('path' in handed) return handed.path;
  const added = await qmp.execute('add-fd', { opaque: label }, { schema: addedSchema, descriptor: handed });
  return `/dev/fdset/${added['fdset-id']}`;
}

/** `remove-fd` of all that have this label. @internal */
export async function removeHandedFiles(qmp: QmpExecutor, label: string): Promise<void> {
  const sets = await qmp.execute('query-fdsets', undefined, { schema: fdsetsSchema });
  for (const { 'fdset-id': id, fds } of sets) {
    if (fds.some(({ opaque }) => opaque === label)) await qmp.execute('remove-fd', { 'fdset-id': id });
  }
}
