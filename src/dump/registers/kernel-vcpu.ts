import { assumed, sourced, type VcpuState, vcpuStateOf } from '../../guest/internal.ts';
import {
  CR0_PG,
  CR0_WP,
  CR4_LA57,
  CR4_PAE,
  CR4_PSE,
  CR4_SMAP,
  CR4_SMEP,
  EFER_LMA,
  EFER_NXE,
} from '../../paging/index.ts';
import type { KernelRoot } from './kernel-root.ts';

const CR0_PE = 1n;
const EFER_LME = 1n << 8n;

/** What a kernel runs with in each mode. */
const REGISTERS: Readonly<Record<KernelRoot['mode'], { readonly cr4: bigint; readonly efer: bigint }>> = {
  '32-bit': { cr4: CR4_PSE, efer: 0n },
  pae: { cr4: CR4_PAE | CR4_PSE, efer: EFER_NXE },
  '4-level': { cr4: CR4_PAE | CR4_PSE, efer: EFER_LME | EFER_LMA | EFER_NXE },
  '5-level': { cr4: CR4_PAE | CR4_PSE | CR4_LA57, efer: EFER_LME | EFER_LMA | EFER_NXE },
};

/** A vCPU that uses the kernel's own tables: of a dump without registers, in which all but the root is assumed. @internal */
export function kernelVcpuState({ root, mode, detail, isAssumed }: KernelRoot): VcpuState {
  const cr0 = CR0_PG | CR0_WP | CR0_PE;
  const { cr4, efer } = REGISTERS[mode];
  const missing = (what: string) => ({ code: 'not-in-dump', what }) as const;
  return {
    ...vcpuStateOf({ registers: { cr0, cr3: root, cr4, efer } }),
    cr0: assumed(cr0, missing('CR0'), [cr0 & ~CR0_WP]),
    cr3: isAssumed
      ? assumed(root, missing('where the kernel maps its memory (PAGE_OFFSET)'))
      : sourced(root, 'dump', detail),
    cr4: assumed(cr4, missing('CR4'), [cr4 | CR4_SMEP, cr4 | CR4_SMAP]),
    efer: assumed(efer, missing('EFER'), mode === '32-bit' ? [] : [efer & ~EFER_NXE]),
    cs: assumed(0n, missing('CS')),
    ss: assumed(0n, missing('SS')),
    rflags: assumed(2n, missing('RFLAGS')),
    cpl: assumed(0, missing('the CPL')),
    a20: assumed(true, missing('the A20 gate')),
    maxPhyAddr: assumed(52, missing('MAXPHYADDR')),
    vendor: assumed('intel', missing('the vendor')),
    pse36: assumed(true, missing('CPUID.PSE-36')),
    pdpe1gb: assumed(true, missing('CPUID.Page1GB')),
  };
}
