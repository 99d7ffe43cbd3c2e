import type { CommandEntry } from './options/command.ts';

/** All commands, in the order in which the help lists them. @internal */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'translate',
    summary: 'where guest virtual addresses lead, or why they lead nowhere',
    load: async () => (await import('./commands/translate/translate.ts')).translateCommand,
  },
  {
    name: 'hv-translate',
    summary: "the same questions as Hyper-V's HvCallTranslateVirtualAddress answers them",
    load: async () => (await import('./commands/hv-translate/hv-translate.ts')).hvTranslateCommand,
  },
  {
    name: 'map',
    summary: 'what a whole address space maps: ranges, rights, pages, and where they lead',
    load: async () => (await import('./commands/map/map.ts')).mapCommand,
  },
  {
    name: 'find',
    summary: 'every virtual address that leads to a physical one',
    load: async () => (await import('./commands/map/find.ts')).findCommand,
  },
  {
    name: 'diff',
    summary: 'two maps compared: two files, or two moments of a guest',
    load: async () => (await import('./commands/diff/diff.ts')).diffCommand,
  },
  {
    name: 'watch',
    summary: 'which pages a guest touches while it runs for a while: its working set',
    load: async () => (await import('./commands/watch/watch.ts')).watchCommand,
  },
  {
    name: 'explore',
    summary: 'an address space as a picture, in a browser on this host',
    load: async () => (await import('./commands/explore/explore.ts')).exploreCommand,
  },
  {
    name: 'state',
    summary: 'the registers and processor features that paging depends on, and where each was read',
    load: async () => (await import('./commands/state/state.ts')).stateCommand,
  },
  {
    name: 'symbols',
    summary: 'the symbols of the Linux in a guest, or the one that an address lies in',
    load: async () => (await import('./commands/symbols/symbols.ts')).symbolsCommand,
  },
  {
    name: 'ps',
    summary: 'the processes of the Linux in a guest, with their CR3',
    load: async () => (await import('./commands/ps/ps.ts')).psCommand,
  },
  {
    name: 'guests',
    summary: 'the QEMUs of this host, who holds their monitors, and what reaches each',
    load: async () => (await import('./commands/guests/guests.ts')).guestsCommand,
  },
  {
    name: 'restore',
    summary: 'what a killed run has left in a guest is put back; every other command does so too',
    load: async () => (await import('./commands/restore/restore.ts')).restoreCommand,
  },
];
