import * as z from 'zod/mini';
import type { QmpExecutor } from '../executor.ts';

/**
 * `cont`: resumes the guest. The event RESUME comes before the reply.
 *
 * @throws QmpCommandError when QEMU will not, after a shutdown for example (`Resetting the Virtual Machine is required`).
 * @public
 */
export async function cont(qmp: QmpExecutor): Promise<void> {
  await qmp.execute('cont', undefined, { schema: z.object({}) });
}
