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
  {
    file: 'src/paging/enumerate/enumerate.js',
    reason: 'a table has fewer depths than that, so that no two keys are the same',
    lines: ['const key = ((tablePage * 9 + depth) * 4 + (rights >> 1)) * 2 + (disabled === 0 ? 0 : 1);'],
  },
  {
    file: 'src/paging/enumerate/second-stage.js',
    reason: 'where a page leads is asked, and what is denied leads there as well',
    lines: ['let wants = walk.start(Math.floor(page / TWO_20) | 0, page << 12, 1);'],
  },
  {
    file: 'src/paging/space/mapped-ranges.js',
    reason: 'before the first leaf all open tables have had none',
    lines: ['#awaitFirstLeaf = 1;'],
  },
  {
    file: 'src/paging/walk/fault.js',
    reason: 'bit 0 is P, and never reserved',
    lines: ['while (bit >= 1 && ((bit >= 32 ? highSet >>> (bit - 32) : lowSet >>> bit) & 1) === 1)'],
  },
];
