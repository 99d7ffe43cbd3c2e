import type { EquivalentFaults } from './equivalent.ts';

export const IN_CLI: readonly EquivalentFaults[] = [
  {
    file: 'src/cli/commands/watch/cleared-bits.js',
    reason: 'entries without a bit that is cleared are looked at once more when they are rewritten, and stay',
    lines: ['const leaves = moment.leaves.filter(({ accessed, dirty }) => accessed || (this.#clearsDirty || dirty));'],
  },
  {
    file: 'src/cli/commands/watch/cleared-bits.js',
    reason: 'the upper half of an entry that has none is compared with itself',
    lines: ['const high = sizeBytes === 8 ? (words[at / 4 + 1] ?? 0) : 1;'],
  },
];
