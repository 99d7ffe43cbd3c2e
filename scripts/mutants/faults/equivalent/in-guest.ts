import type { EquivalentFaults } from './equivalent.ts';

export const IN_GUEST: readonly EquivalentFaults[] = [
  {
    file: 'src/guest/walks/walk-many.js',
    reason: 'any number below zero says that a walk has ended',
    lines: ['return -2;'],
  },
];
