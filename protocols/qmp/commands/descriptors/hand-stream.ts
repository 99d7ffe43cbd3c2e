import type { HandedDescriptor } from '../../../transport/internal.ts';
import { QmpCommandError } from '../../errors.ts';
import type { QmpExecutor } from '../../executor.ts';

/**
 * `getfd`, and `chardev-add` with the descriptor: a connection that was made elsewhere becomes a character device of QEMU's.
 *
 * @param id - of the device, and the name of the descriptor until then
 * @throws QmpCommandError where QEMU, or who stands between, takes no descriptors.
 * @internal
 */
export async function handStream(qmp: QmpExecutor, id: string, descriptor: HandedDescriptor): Promise<void> {
  await qmp.execute('getfd', { fdname: id }, { descriptor });
  await qmp.execute('chardev-add', {
    id,
    backend: { type: 'socket', data: { addr: { type: 'fd', data: { str: id } }, server: false } },
  });
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
