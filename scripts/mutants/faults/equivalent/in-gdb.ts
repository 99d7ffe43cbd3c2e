import type { EquivalentFaults } from './equivalent.ts';

export const IN_GDB: readonly EquivalentFaults[] = [];
