import type { MemoryTypeRegisters } from '../paging/index.ts';
import type { Monitor } from './monitor.ts';
import { readCpuState } from './read-cpu-state.ts';
import { type Sourced, sourced } from './sourced.ts';

/** PAT and MTRRs: what decides how memory is cached, beside CR0.CD and MAXPHYADDR. @public */
export type MemoryTypeMsrs = Omit<MemoryTypeRegisters, 'cr0' | 'maxPhyAddr'>;

/** WB, WT, UC-, UC, twice. SDM vol. 3A, 11.12.4 (12.12.4). */
const PAT_AT_RESET = 0x0007_0406_0007_0406n;

const ASSUMED: MemoryTypeMsrs = {
  pat: PAT_AT_RESET,
  mtrrDefType: 0n,
  mtrrFixed: [],
  mtrrVariable: [],
  hasMtrrs: false,
};

/**
 * Reads PAT and MTRRs out of QEMU's device state. Where that cannot be had, memory is taken for write-back but for what the
 * PAT at reset says.
 *
 * @param qomPath - of a vCPU, where known
 * @param threadId - of a QEMU thread on this host, where known
 * @internal
 */
export async function readMemoryTypes(
  monitor: Monitor,
  cpu: number,
  { qomPath, threadId }: { readonly qomPath: string | undefined; readonly threadId: number | undefined },
): Promise<Sourced<MemoryTypeMsrs>> {
  const [state, hasMtrrs] = await Promise.all([
    readCpuState(monitor, cpu, threadId),
    qomPath === undefined ? undefined : monitor.qomGet(qomPath, 'mtrr'),
  ]);
  if (typeof state === 'string') return sourced(ASSUMED, 'assumed', state);
  const { pat, mtrr } = state;
  return sourced(
    {
      pat,
      mtrrDefType: mtrr.defType,
      mtrrFixed: mtrr.fixed,
      mtrrVariable: mtrr.variable,
      hasMtrrs: hasMtrrs !== false,
    },
    'device-state',
    'section cpu, pat and mtrr',
  );
}
