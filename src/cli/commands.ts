import type { CommandEntry } from './command.ts';

/** All commands, in the order in which the help lists them. @internal */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'translate',
    summary: 'where guest virtual addresses lead, or why they lead nowhere',
    load: async () => (await import('./translate.ts')).translateCommand,
  },
  {
    name: 'hv-translate',
    summary: "the same questions as Hyper-V's HvCallTranslateVirtualAddress answers them",
    load: async () => (await import('./hv-translate.ts')).hvTranslateCommand,
  },
  {
    name: 'map',
    summary: 'what a whole address space maps: ranges, rights, pages, and where they lead',
    load: async () => (await import('./map.ts')).mapCommand,
  },
  {
    name: 'find',
    summary: 'every virtual address that leads to a physical one',
    load: async () => (await import('./find.ts')).findCommand,
  },
  {
    name: 'diff',
    summary: 'two maps compared: two files, or two moments of a guest',
    load: async () => (await import('./diff.ts')).diffCommand,
  },
  {
    name: 'state',
    summary: 'the registers and processor features that paging depends on, and where each was read',
    load: async () => (await import('./state.ts')).stateCommand,
  },
];
