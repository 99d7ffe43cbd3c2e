import * as z from 'zod/mini';
import type { QmpExecutor } from '../executor.ts';

const cpusSchema = z.array(
  z.pipe(
    z.object({ 'cpu-index': z.int(), 'qom-path': z.string(), 'thread-id': z.int(), target: z.string() }),
    z.transform((cpu) => ({
      cpuIndex: cpu['cpu-index'],
      qomPath: cpu['qom-path'],
      threadId: cpu['thread-id'],
      target: cpu.target,
    })),
  ),
);

/** One vCPU. @public */
export interface CpuInfo {
  /** QEMU's number of it, from 0. The GDB stub calls the same one `cpuIndex + 1`. */
  readonly cpuIndex: number;
  /** Where its properties are, for {@link qomGet}. */
  readonly qomPath: string;
  /** The host thread that runs it; under single-threaded TCG all vCPUs share one. */
  readonly threadId: number;
  /** `x86_64`, `i386`. */
  readonly target: string;
}

/** `query-cpus-fast`. The guest is not disturbed. @public */
export function queryCpusFast(qmp: QmpExecutor): Promise<readonly CpuInfo[]> {
  return qmp.execute('query-cpus-fast', undefined, { schema: cpusSchema });
}
