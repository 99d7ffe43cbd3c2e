import type { EquivalentFaults } from './equivalent.ts';

export const IN_QMP: readonly EquivalentFaults[] = [
  {
    file: 'protocols/qmp/device-state/device-state.js',
    reason: 'a file begins with QEVM: nothing else is found at its start',
    lines: ['for (let at = buffer.indexOf(name); at >= 1; at = buffer.indexOf(name, at + 1)) {'],
  },
  {
    file: 'protocols/qmp/monitor-text/info-registers.js',
    reason: 'at the start of a line no name is before it',
    lines: ["for (let mark = line.indexOf('='); mark >= 1; mark = line.indexOf('=', mark + 1)) {"],
  },
];
