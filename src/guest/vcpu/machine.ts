import type { QemuVersion } from '../../paging/index.ts';
import type { VcpuState } from './vcpu-state.ts';

/** What runs a guest. @public */
export interface Machine {
  /** Null where that is not known. */
  readonly accelerator: 'kvm' | 'tcg' | null;
  readonly qemuVersion: QemuVersion | null;
}

/** The machine that runs the guest. @public */
export function machineOf({ accelerator, qemuVersion }: VcpuState): Machine {
  return { accelerator: accelerator.value, qemuVersion: qemuVersion ?? null };
}
