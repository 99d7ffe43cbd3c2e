import type { HandedStream } from '../../../transport/internal.ts';
import { QmpCommandError } from '../../errors.ts';
import type { QmpExecutor } from '../../executor.ts';
import { humanMonitorCommand } from '../human-monitor-command.ts';
import { queryChardev } from '../query-chardev.ts';
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

/**
 * Takes the device away, and the stub that is on it: nothing else ever uses it. QEMU refuses to remove a device in use
 * (`qemu_chr_is_busy`), by which the stub of another client, on a device of its own, is told apart and left alone.
 *
 * @internal
 */
export async function removeHandedStream(qmp: QmpExecutor, id: string): Promise<void> {
  const isRemoved = await isDone(qmp.execute('chardev-remove', { id }));
  // It never came to be, or went with its stub; or it is the stub's, which takes it along.
  if (!isRemoved && (await queryChardev(qmp)).some(({ label }) => label === id))
    await isDone(humanMonitorCommand(qmp, 'gdbserver none'));
  await isDone(qmp.execute('closefd', { fdname: id }));
}

/** Whether QEMU did it, where it may have refused. */
async function isDone(command: Promise<unknown>): Promise<boolean> {
  try {
    await command;
    return true;
  } catch (error) {
    if (!(error instanceof QmpCommandError)) throw error;
    return false;
  }
}

/** One of QEMU's threads, by its own word. @internal */
export async function findThread(qmp: QmpExecutor): Promise<number | undefined> {
  return (await queryCpusFast(qmp))[0]?.threadId;
}
