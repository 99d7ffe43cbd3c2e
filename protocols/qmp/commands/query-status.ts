import * as z from 'zod/mini';
import type { QmpExecutor } from '../executor.ts';

const runStatusSchema = z.object({ status: z.string().check(z.regex(/^[a-z-]{1,64}$/)), running: z.boolean() });

/**
 * The run state of the guest. `status` is QEMU's name for it: `running`, `paused`, `prelaunch`, `inmigrate`, `suspended`,
 * `debug`, ...
 *
 * @public
 */
export interface RunStatus {
  readonly status: string;
  readonly running: boolean;
}

/** `query-status`. QEMU 7.2 adds a member `singlestep`, which is dropped. @public */
export function queryStatus(qmp: QmpExecutor): Promise<RunStatus> {
  return qmp.execute('query-status', undefined, { schema: runStatusSchema });
}
