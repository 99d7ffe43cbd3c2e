import type { HandedStream } from '../../../transport/internal.ts';
import { QmpCommandError } from '../../errors.ts';
import type { QmpExecutor } from '../../executor.ts';
import { queryCpusFast } from '../query-cpus-fast.ts';

/**
 * `getfd`, and `chardev-add` with the descriptor: a connection that was made elsewhere becomes a character device of QEMU's. Or it makes
 * the connection, at a path.
 *
 * @param id - of the device, and the name of the descriptor until then
 * @throws QmpCommandError where QEMU, or who stands between, takes no descriptors, or QEMU does not get to the path.
 * @internal
 */
export async function handStream(
  qmp: QmpExecutor,
  id: string,
  { handed }: Pick<HandedStream, 'handed'>,
): Promise<void> {
  const hasPath = 'path' in handed;
  if (!hasPath) await qmp.execute('getfd', { fdname: id }, { descriptor: handed });
  const addr = hasPath ? { type: 'unix', data: { path: handed.path } } : { type: 'fd', data: { str: id } };
  await qmp.execute('chardev-add', { id, backend: { type: 'socket', data: { addr, server: false } } });
}

/** Takes the device away, if it is there and nothing uses it. @internal */
export async function removeHandedStream(qmp: QmpExecutor, id: string): Promise<void> {
  for (const [command, args] of [
    ['chardev-remove', { id }],
    ['closefd', { fdname: id }],
  ] as const) {
    await qmp.execute(command, args).catch((error: unknown) => {
      // It went with the stub, or never came to be.
      if (!(error instanceof QmpCommandError)) throw error;
    });
  }
}

/** One of QEMU's threads, by its own word. @internal */
export async function findThread(qmp: QmpExecutor): Promise<number | undefined> {
  return (await queryCpusFast(qmp))[0]?.threadId;
}
