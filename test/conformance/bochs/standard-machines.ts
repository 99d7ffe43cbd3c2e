import type { BochsFeature, BochsMachine } from './machine.ts';

type Shape = readonly [mode: BochsMachine['mode'], features: readonly BochsFeature[]];

function machines(model: string, ept: boolean, shapes: readonly Shape[]): BochsMachine[] {
  return shapes.map(([mode, features]) => ({ model, mode, ept, features }));
}

/** Bochs 2.7 has EPT and CET; its keys are no judge (see the deviations). */
const machines27: readonly BochsMachine[] = [
  ...machines('tigerlake', false, [
    ['4-level', ['cet']],
    ['pae', ['cet']],
    ['32-bit', ['cet']],
  ]),
  ...machines('tigerlake', true, [
    ['4-level', ['cet']],
    ['pae', ['cet']],
    ['32-bit', ['cet']],
    ['off', []],
  ]),
];

/** 3.x has five levels, keys, MBE, shadow stacks of EPT and, on its newest model, LASS. */
const machines3: readonly BochsMachine[] = [
  ...machines('sapphire_rapids', false, [
    ['4-level', ['cet', 'keys']],
    ['5-level', ['cet', 'keys']],
    ['pae', ['cet']],
    ['32-bit', ['cet']],
  ]),
  ...machines('arrow_lake', false, [['4-level', ['cet', 'keys', 'lass']]]),
  ...machines('sapphire_rapids', true, [
    ['4-level', ['cet', 'keys', 'mbe', 'sss']],
    ['5-level', ['cet', 'keys', 'mbe', 'sss']],
    ['pae', ['cet', 'mbe', 'sss']],
    ['32-bit', ['cet', 'mbe', 'sss']],
    ['off', ['mbe']],
  ]),
];

/** What a version of Bochs can judge. */
export function machinesOf(version: string): readonly BochsMachine[] {
  return version.startsWith('2.') ? machines27 : machines3;
}
