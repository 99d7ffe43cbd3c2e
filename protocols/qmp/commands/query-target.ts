import * as z from 'zod/mini';
import type { QmpExecutor } from '../executor.ts';

const targetSchema = z.object({ arch: z.string() });

/** `query-target`: which QEMU this is: `x86_64`, `i386`, `aarch64`, ... @public */
export async function queryTarget(qmp: QmpExecutor): Promise<string> {
  return (await qmp.execute('query-target', undefined, { schema: targetSchema })).arch;
}
