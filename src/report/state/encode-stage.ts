import type { NestedContext } from '../../paging/index.ts';
import { formatHex } from '../words/format-hex.ts';
import type { ReportedStage } from './reported-state.ts';

/** Fields of an EPT pointer. SDM vol. 3C, table 25-9 (24-8). */
const EPTP_MEMORY_TYPE = 7n;
const EPTP_WRITE_BACK = 6n;
const EPTP_ACCESSED_DIRTY = 1n << 6n;

/**
 * A second stage as JSON: what points to its tables, and how they are to be read.
 *
 * @returns null where there is none
 * @internal
 */
export function encodeStage(stage: ReportedStage | null, context: NestedContext | null): object | null {
  if (stage === null || context === null) return null;
  const { root, mode, policy } = context.stage;
  const tables = { root: formatHex(root), mode };
  if (stage.kind === 'npt') {
    const { nestedCr3 } = stage.registers;
    return {
      kind: 'npt',
      nestedCr3: formatHex(nestedCr3),
      ...tables,
      executeDisable: policy.executeDisableHigh !== 0,
      ...(context.guestModeExecuteTrap ? { guestModeExecuteTrap: true } : {}),
      ...(context.marksShadowStacks ? { supervisorShadowStackCheck: true } : {}),
    };
  }
  const { eptp } = stage;
  return {
    kind: 'ept',
    eptp: formatHex(eptp),
    ...tables,
    tableMemoryType: (eptp & EPTP_MEMORY_TYPE) === EPTP_WRITE_BACK ? 'WB' : 'UC',
    accessedDirty: (eptp & EPTP_ACCESSED_DIRTY) !== 0n,
  };
}
