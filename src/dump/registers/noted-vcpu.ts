import type { NotedCpu } from '../notes/core-notes.ts';
import type { DumpedVcpu } from './dumped-vcpu.ts';

const CR0_PE = 1n;
const RFLAGS_VM = 1n << 17n;
/** In the second word of a descriptor. */
const CODE_64 = 1 << 21;
const DPL_SHIFT = 13;

/** A vCPU by QEMU's note about it. @internal */
export function notedVcpu({ cpu, note, longMode }: NotedCpu): DumpedVcpu {
  const { cr0, cr2, cr3, cr4, rflags, rip, rsp, cs, ss, tr, gdt, idt } = note;
  return {
    cpu,
    where: 'QEMU note',
    from: 'dump',
    cr0,
    cr3,
    cr4,
    rflags,
    cs: BigInt(cs.selector),
    ss: BigInt(ss.selector),
    cpl: cplOf(cr0, rflags, ss.flags),
    efer: null,
    a20: null,
    isCode64: (cs.flags & CODE_64) !== 0,
    longMode:
      longMode === undefined
        ? null
        : { value: longMode, because: `the CORE notes are those of ${longMode ? '64' : '32'} bits` },
    position: { rip, csBase: cs.base, rsp, ssBase: ss.base, cr2 },
    descriptorTables: [
      ['IDT', idt.base],
      ['GDT', gdt.base],
      ['TSS', tr.base],
    ],
    keys: {},
    features: {},
    mayRunNested: true,
  };
}

/** The DPL of SS is the CPL (SDM vol. 3A, 6.5); real mode has none, and virtual-8086 mode is 3. */
function cplOf(cr0: bigint, rflags: bigint, ssFlags: number): number {
  if ((cr0 & CR0_PE) === 0n) return 0;
  return (rflags & RFLAGS_VM) !== 0n ? 3 : (ssFlags >> DPL_SHIFT) & 3;
}
