import { describeTranslation } from '../../support/describe-translation.ts';
import type { Probe } from './probe.ts';
import type { ProbeResult } from './wire.ts';

/** @returns what the processor did otherwise than the walker said, or null if nothing */
export function findDisagreement(probe: Probe, result: ProbeResult, left: number): string | null {
  return agrees(probe, result, left) ? null : describeDisagreement(probe, result, left);
}

function agrees({ expected, kind }: Probe, result: ProbeResult, left: number): boolean {
  return (
    result.vector === expected.vector &&
    result.errorCode === expected.errorCode &&
    result.cr2 === expected.cr2 &&
    result.ip === expected.ip &&
    (expected.value === null || result.value === expected.value) &&
    result.cpl === (kind.user ? 3 : 0) &&
    result.left === left &&
    expected.samples.every(({ after }, at) => result.samples[at] === after)
  );
}

function describeDisagreement(probe: Probe, result: ProbeResult, left: number): string {
  const { kind, linear, registers, translation, expected, cr3 } = probe;
  const facts: [string, bigint | number, bigint | number][] = [
    ['vector', expected.vector, result.vector],
    ['error code', expected.errorCode, result.errorCode],
    ['CR2', expected.cr2, result.cr2],
    ['instruction pointer', expected.ip, result.ip],
    ['value', expected.value ?? result.value, result.value],
    ['CPL', kind.user ? 3 : 0, result.cpl],
    ['probes left', left, result.left],
    ...expected.samples.map(({ address, after }, at): [string, bigint | number, bigint | number] => [
      `memory at ${hex(address)}`,
      after,
      result.samples[at] ?? -1n,
    ]),
  ];
  const differences = facts
    .filter(([, wanted, got]) => BigInt(wanted) !== BigInt(got))
    .map(([name, wanted, got]) => `  ${name}: the walker says ${hex(wanted)}, the processor ${hex(got)}`);
  const state = Object.entries({ cr3, ...registers }).map(([name, value]) => `${name}=${hex(value)}`);
  return [
    `${kind.name} at ${hex(linear)}, ${state.join(' ')}`,
    ...differences,
    `  the walk: ${describeTranslation(asReference(translation)).replaceAll('\n', '\n  ')}`,
  ].join('\n');
}

/** The two kinds of answers have the same facts. */
function asReference(translation: Probe['translation']): Parameters<typeof describeTranslation>[0] {
  return translation as Parameters<typeof describeTranslation>[0];
}

function hex(value: bigint | number): string {
  return `0x${value.toString(16)}`;
}
