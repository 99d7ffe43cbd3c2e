import type { EquivalentFaults } from './equivalent.ts';

export const IN_PAGING: readonly EquivalentFaults[] = [
  {
    file: 'src/paging/nested/ept.js',
    reason: 'tags of addresses are not taken off (takesTags), and nothing else looks at where they begin',
    lines: ['userTagBelow: 64,', 'supervisorTagBelow: 64,'],
  },
];
