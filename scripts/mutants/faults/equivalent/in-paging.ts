import type { EquivalentFaults } from './equivalent.ts';

export const IN_PAGING: readonly EquivalentFaults[] = [
  {
    file: 'src/paging/nested/ept.js',
    reason: 'tags of addresses are not taken off (takesTags), and nothing else looks at where they begin',
    lines: ['userTagBelow: 64,', 'supervisorTagBelow: 64,'],
  },
  {
    file: 'src/paging/enumerate/enumerate.js',
    reason: 'a mode has no table or two levels of them at least',
    lines: ['if (this.#context.levels.length > 1) {'],
  },
  {
    file: 'src/paging/rules/context.js',
    reason: 'what is not given is not wrong, whatever is looked at in its place',
    lines: ['const value = registers[name] ?? 1;', 'const value = registers[name] ?? 1n;'],
  },
];
