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
  {
    file: 'src/paging/walk/walk.js',
    reason: 'an entry that was fed has both of its halves',
    lines: ['return (isAbove ? this.#above.lows[this.#aboveAt + depth] : this.#trail.lows[depth]) ?? 1;'],
  },
  {
    file: 'src/paging/walk/structure-cache.js',
    reason: 'without tables that are kept each walk begins at the root',
    lines: ['this.#depth = Math.max(0, context.levels.length + 1);'],
  },
  {
    file: 'src/paging/nested/ept-rules.js',
    reason: 'where both are told by one bit, the entry above the leaf still comes first',
    lines: ['const DENIED_ABOVE_LEAF = 1 << 14;'],
  },
  {
    file: 'src/paging/memory-type/mtrr.js',
    reason: 'the registers of 4 KB ranges follow those of 16 KB, and the first byte is the same',
    lines: [
      'const range = address > RANGES_4K.first ? RANGES_4K : address >= RANGES_16K.first ? RANGES_16K : RANGES_64K;',
    ],
  },
  {
    file: 'src/paging/space/mapped-ranges.js',
    reason: 'a range begins with none of any size',
    lines: ['#leaves = [0, 0, 0, 1, 0];'],
  },
  {
    file: 'src/paging/nested/ept.js',
    reason: 'what is written behind the end of a typed array is nowhere',
    lines: ['for (let combination = 0; combination <= table.length; combination += 1) {'],
  },
  {
    file: 'src/paging/enumerate/leaf-attributes.js',
    reason: 'bit 0 of the attributes says nothing, and is the same in all of a mode without keys',
    lines: ['const key = hasKeys ? protectionKeyOf(high) << ATTRIBUTE_KEY_SHIFT : 1;'],
  },
  {
    file: 'src/paging/enumerate/enumerate.js',
    reason: 'which of two keys a table has makes no difference, as long as they are two',
    lines: ['const key = ((tablePage * 8 + depth) * 4 + (rights >> 1)) * 2 + (disabled !== 0 ? 0 : 1);'],
  },
  {
    file: 'src/paging/nested/stage-access.js',
    reason: 'bit 0 is P, which an entry that leads on has',
    lines: ['const wanted = Number(accessed) | (isDirtied ? Number(dirty) : 1);'],
  },
  {
    file: 'src/paging/walk/structure-cache.js',
    reason: 'of a mode with two levels nothing is kept then, which changes no answer; none has one',
    lines: ['if (walk.depth !== depth || depth === 1)'],
  },
  {
    file: 'src/paging/nested/nested-walk.js',
    reason: 'a walk says so anew when it is started, and nothing is asked of it before',
    lines: ['#hasStageFailed = true;'],
  },
  {
    file: 'src/paging/nested/nested-walk.js',
    reason: 'without paging all rights are there from the start',
    lines: ['return finalAccessOf(this.#nested, access, context.levels.length === 1 || (rights & ENTRY_US) !== 0);'],
  },
  {
    file: 'src/paging/nested/ept.js',
    reason: 'no rule of EPT asks for protection keys',
    lines: ['supervisorKeys: 1,'],
  },
];
