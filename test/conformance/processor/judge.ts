import type { Translation } from '../../../src/paging/index.ts';
import { describeTranslation } from '../../support/judge/describe-translation.ts';
import { describeFact, formatWord } from '../processor-rig/describe-fact.ts';
import type { Probe } from './probe.ts';
import type { ProbeResult } from './wire.ts';

type Fact = Parameters<typeof describeFact>;

/** What the processor did otherwise than the walker said, fact by fact, and the walk. */
export function describeDisagreement(probe: Probe, result: ProbeResult, left: number): string {
  const { expected } = probe;
  const facts: Fact[] = [
    ['vector', expected.vector, result.vector],
    ['error code', expected.errorCode, result.errorCode],
    ['CR2', expected.cr2, result.cr2],
    ['instruction pointer', expected.ip, result.ip],
    ['CS', expected.codeSegment, result.codeSegment],
    ['register', expected.value, result.value],
    ['number of probes left', left, result.left],
    ...result.samples.map((value, at): Fact => {
      const sample = expected.samples[at];
      return [sample ? `memory at ${formatWord(sample.address)}` : 'spare memory', sample?.after ?? 0n, value];
    }),
  ];
  const differences = facts
    .filter(([, walker, processor]) => BigInt(walker) !== BigInt(processor))
    .map((fact) => describeFact(...fact));
  const [heading, ...walk] = describeProbe(probe).split('\n');
  return [heading, ...differences, ...walk].join('\n');
}

/** A probe, the registers it is made with, and the walker's answer. */
export function describeProbe({ kind, linear, cr3, registers, translations }: Probe): string {
  const state = Object.entries({ cr3, ...registers }).map(([name, value]) => `${name}=${formatWord(value)}`);
  const walks = translations.map((translation) => {
    const walk = describeTranslation(asReference(translation)).replaceAll('\n', '\n  ');
    return `\n  the walk for a ${translation.access.write ? 'write' : 'read'}: ${walk}`;
  });
  return `${kind.name} at ${formatWord(linear)}, ${state.join(' ')}${walks.join('')}`;
}

/** The two kinds of answers have the same facts. */
function asReference(translation: Translation): Parameters<typeof describeTranslation>[0] {
  return translation as Parameters<typeof describeTranslation>[0];
}
