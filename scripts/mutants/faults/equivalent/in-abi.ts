import type { EquivalentFaults } from './equivalent.ts';

export const IN_ABI: readonly EquivalentFaults[] = [
  {
    file: 'src/abi/hypercall/hv-translate.js',
    reason: "of the hypervisor's CR0 only CD counts",
    lines: ['const HYPERVISOR_AT_RESET = { pat: PAT_AT_RESET, cr0: 1n };'],
  },
  {
    file: 'src/abi/hypercall/hv-translate.js',
    reason: 'what has a memory type has an address, and of what has none the page alone is told',
    lines: ['const physicalAddress = end.physicalAddress ?? 1n;'],
  },
  {
    file: 'src/abi/hypercall/hv-walk-end.js',
    reason: 'an entry that is looked at twice is refused the first time',
    lines: ['const above = translation.steps.filter(({ level }) => level >= responsible.level);'],
  },
  {
    file: 'src/abi/hypercall/hv-walk-in-memory.js',
    reason: 'of RFLAGS only AC counts',
    lines: ['const { rflags = 1n, cr4 } = registers;'],
  },
];
