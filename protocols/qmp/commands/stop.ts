import * as z from 'zod/mini';
import type { QmpExecutor } from '../executor.ts';

/**
 * `stop`: pauses the guest. The event STOP comes before the reply, and only if the guest was running: that is how to know
 * whose turn it is to resume. In the state `inmigrate` it only forgets that the guest was to be started.
 *
 * @public
 */
export async function stop(qmp: QmpExecutor): Promise<void> {
  await qmp.execute('stop', undefined, { schema: z.object({}) });
}
