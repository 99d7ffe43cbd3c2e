import { UNTIL_OPTIONS } from './moment/until.ts';
import type { OptionTable } from './option-row.ts';
import { SOURCE_OPTIONS } from './sources/sources.ts';

/** Options that reach a guest: every command that looks at one has them. @internal */
export const GUEST_OPTIONS = {
  ...SOURCE_OPTIONS,
  cpu: { value: 'N', help: 'vCPU whose registers count; 0 when not given' },
  json: { help: 'one JSON object a line instead of text' },
  strict: { help: 'exit status 4 where the answer depends on something that was assumed' },
  trace: { value: 'FILE', help: 'write everything that travels over the wire to a file' },
  timeout: { value: 'MS', help: 'for connecting, and for each request; 5000 when not given' },
  'max-pause': {
    value: 'MS',
    help: 'resume the guest after so long, whatever a question is doing; 5000 when not given',
  },
} as const satisfies OptionTable;

/** Options that say whose address space is looked at, and how. @internal */
export const SCOPE_OPTIONS = {
  cr3: { value: 'VALUE', help: "walk this address space instead of the vCPU's own" },
  pid: { value: 'N', help: "walk the address space of this process of the guest's Linux" },
  process: { value: 'NAME', help: 'likewise of the only process of a name' },
  symbols: {
    value: 'FILE',
    help: 'take symbols from a file: ELF, System.map, a saved /proc/kallsyms; KASLR does not matter',
  },
  set: {
    value: 'NAME=VALUE',
    repeats: true,
    help: 'what if: CR4.SMAP=0, PKRU=0x4, … ; again for more. The guest is not changed',
  },
  profile: {
    value: 'NAME',
    words: ['intel', 'amd', 'kvm', 'tcg'],
    help: 'what this machine would do: intel, amd, kvm, tcg or tcg-7.2.5',
  },
  nested: {
    value: 'STAGE',
    help:
      'second stage of a nested guest (L2), detected automatically for SVM: npt:ROOT[,MODE][,FLAG…],\n' +
      'ept:EPTP or none. MODE: 32-bit, pae, 4-level, 5-level. FLAG: smep, no-smep, no-nxe, gmet, sss',
  },
  ...UNTIL_OPTIONS,
  live: { help: 'do not pause the guest: its registers and tables are read while it runs' },
  'no-host-memory': { help: 'read memory through the GDB stub alone, even where this host has it' },
} as const satisfies OptionTable;
