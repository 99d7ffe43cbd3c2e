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
  {
    file: 'src/paging/walk/walk.js',
    reason: 'a shift counts modulo 32',
    lines: ['return (linearHigh >>> (shift + 32)) & indexMask;'],
  },
  {
    file: 'src/paging/walk/fault.js',
    reason: 'P is set in any case there',
    lines: ['return access | PF_P | (walk.denied & DENIED.key ? PF_PK : 1);'],
  },
];
