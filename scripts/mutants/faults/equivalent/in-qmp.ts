import type { EquivalentFaults } from './equivalent.ts';

export const IN_QMP: readonly EquivalentFaults[] = [
  {
    file: 'protocols/qmp/device-state/device-state.js',
    reason: 'a file begins with QEVM: nothing else is found at its start',
    lines: ['for (let at = buffer.indexOf(name); at >= 1; at = buffer.indexOf(name, at + 1)) {'],
  },
];
