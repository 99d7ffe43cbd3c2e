import type { EquivalentFaults } from './equivalent.ts';

export const IN_QMP: readonly EquivalentFaults[] = [];
