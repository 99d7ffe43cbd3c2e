import type { NestedTranslation, WalkStep } from '../../../../src/paging/index.ts';
import { formatReason } from '../../../../src/report/index.ts';
import { describeFact, formatWord } from '../../processor-rig/describe-fact.ts';
import type { Probe } from './probe.ts';
import type { SvmResult } from './record.ts';
import { toResult } from './wire.ts';

const words = ['exitCode', 'exitInfo1', 'exitInfo2', 'exitInterrupt', 'rip', 'rax', 'cr2', 'cpl', 'left'] as const;

/** What the processor did otherwise than the walker said, fact by fact, and the walk. */
export function describeDisagreement(probe: Probe, result: SvmResult): string {
  const expected = toResult(probe, result.left);
  const facts = words
    .filter((name) => BigInt(expected[name]) !== BigInt(result[name]))
    .map((name) => describeFact(name, expected[name], result[name]));
  const samples = probe.expected.samples.flatMap(({ address, after }, at) =>
    result.samples[at] === after
      ? []
      : [describeFact(`memory at ${formatWord(address)}`, after, result.samples[at] ?? 0n)],
  );
  const [heading, ...walk] = describeProbe(probe).split('\n');
  return [heading, ...facts, ...samples, ...walk].join('\n');
}

/** A probe, the registers it is made with, and the walker's answer. */
export function describeProbe(probe: Probe): string {
  const { kind, linear, cr3, nestedCr3, host, guest, translation } = probe;
  const state = [
    `host cr0=${formatWord(host.cr0)} cr4=${formatWord(host.cr4)} efer=${formatWord(host.efer)} nested cr3=${formatWord(nestedCr3)}`,
    `guest cr0=${formatWord(guest.cr0)} cr3=${formatWord(cr3)} cr4=${formatWord(guest.cr4)} efer=${formatWord(guest.efer)} rflags=${formatWord(guest.flags)}`,
    `pkru=${formatWord(guest.pkru)} pkrs=${formatWord(guest.pkrs)}`,
  ];
  return [`${kind.name} at ${formatWord(linear)}`, ...state, ...describeWalk(translation)].join('\n    ');
}

/** How a probe ended, for counting. */
export function endingOf({ kind, translation }: Probe): string {
  switch (translation.kind) {
    case 'mapped':
      return `${kind.name}: mapped`;
    case 'guest-fault':
      return `${kind.name}: the guest's ${translation.guest.cause}`;
    case 'nested-fault':
      return `${kind.name}: ${translation.purpose} ${translation.cause}`;
  }
}

function describeWalk(translation: NestedTranslation): string[] {
  const walks = translation.walks.flatMap(({ l2PhysicalAddress, purpose, l1PhysicalAddress, steps }) => [
    `${purpose} at guest-physical ${formatWord(l2PhysicalAddress)} is at ${l1PhysicalAddress === null ? 'none' : formatWord(l1PhysicalAddress)}`,
    ...steps.map((step) => `  nested ${describeStep(step)}`),
  ]);
  return [`the walk: ${describeEnd(translation)}`, ...walks, ...guestSteps(translation).map(describeStep)];
}

function describeEnd(translation: NestedTranslation): string {
  switch (translation.kind) {
    case 'mapped':
      return `mapped to ${formatWord(translation.l1PhysicalAddress)}`;
    case 'guest-fault':
      return formatReason(translation.guest.reason);
    case 'nested-fault':
      return formatReason(translation.reason);
  }
}

function guestSteps(translation: NestedTranslation): readonly WalkStep[] {
  return translation.kind === 'nested-fault' ? translation.guestSteps : translation.guest.steps;
}

function describeStep({ table, index, address, value }: WalkStep): string {
  return `${table}[${index}] at ${formatWord(address)}: ${formatWord(value)}`;
}
