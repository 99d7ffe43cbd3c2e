import { describeNestedTranslation } from '../../support/judge/describe-nested-translation.ts';
import { describeTranslation } from '../../support/judge/describe-translation.ts';
import { formatWord } from '../processor-rig/describe-fact.ts';
import type { BochsCase } from './cases/bochs-case.ts';
import type { Ending, Foretold } from './cases/foretell.ts';
import { deviatingEndings, type Judged } from './deviations.ts';
import type { CaseResult } from './emulator/wire.ts';

/** What is said of a case in the end. */
export type Judgement =
  | { readonly kind: 'agreed' }
  /** Bochs did as it is known to do; these are the deviations. */
  | { readonly kind: 'known'; readonly names: readonly string[] }
  | { readonly kind: 'disagreed'; readonly facts: readonly string[] };

const REASON_EXCEPTION = 0;
const REASON_EPT_VIOLATION = 48;
const ERROR_CODE_VALID = 1 << 11;

/** Compares what Bochs did with the walker's word. */
export function judge(judged: Judged, result: CaseResult, version: string): Judgement {
  const facts = differences(judged.foretold.ending, result);
  if (facts.length === 0) return { kind: 'agreed' };
  for (const { names, foretold } of deviatingEndings(judged, version)) {
    if (differences(foretold.ending, result).length === 0) return { kind: 'known', names };
  }
  return { kind: 'disagreed', facts };
}

/** Fact by fact. */
function differences(ending: Ending, result: CaseResult): string[] {
  const facts: string[] = [];
  const check = (what: string, walker: bigint | number, bochs: bigint | number) => {
    if (BigInt(walker) !== BigInt(bochs))
      facts.push(`${what}: the walker says ${formatWord(walker)}, Bochs ${formatWord(bochs)}`);
  };
  if (result.problem !== 0n) facts.push(`the guest cannot be entered: ${formatWord(result.problem)}`);
  check('exit reason', ending.reason, result.reason);
  if (facts.length > 0) return facts;
  if (ending.reason === REASON_EXCEPTION) {
    check('vector', ending.vector ?? 0, result.interruption & 0xff);
    const hasCode = (result.interruption & ERROR_CODE_VALID) !== 0;
    check('an error code', ending.errorCode === null ? 0 : 1, hasCode ? 1 : 0);
    if (hasCode) check('error code', ending.errorCode ?? 0, result.errorCode);
    if (ending.qualification !== null) check('CR2', ending.qualification, result.qualification);
  } else {
    if (ending.reason === REASON_EPT_VIOLATION) {
      check('qualification', ending.qualification ?? 0n, result.qualification);
      check('guest-linear address', ending.guestLinear ?? 0n, result.guestLinear);
    }
    check('guest-physical address', ending.guestPhysical ?? 0n, result.guestPhysical);
  }
  check('RAX', ending.rax, result.rax);
  return [...facts, ...memoryDifferences(ending.changed, result.changed)];
}

function memoryDifferences(walker: ReadonlyMap<number, bigint>, bochs: ReadonlyMap<number, bigint>): string[] {
  const addresses = new Set([...walker.keys(), ...bochs.keys()]);
  const say = (value: bigint | undefined) => (value === undefined ? 'as it was' : formatWord(value));
  return [...addresses].flatMap((address) =>
    walker.get(address) === bochs.get(address)
      ? []
      : [
          `memory at ${formatWord(address)}: the walker says ${say(walker.get(address))}, Bochs ${say(bochs.get(address))}`,
        ],
  );
}

/** A case, the registers it is made with, and the walker's answer. */
export function describeCase(drawn: BochsCase, { translation }: Foretold): string {
  const { kind, linear, registers, ept, memory } = drawn;
  const state = Object.entries(registers)
    .filter(([name]) => name !== 'pdptes')
    .map(([name, value]) => `${name}=${formatWord(value as bigint | number)}`);
  const stage = ept ? ` eptp=${formatWord(ept.pointer)}${ept.modeBasedExecute ? ' with mode-based execute' : ''}` : '';
  const entries = [...memory.own].map(([address, value]) => `    ${formatWord(address)}: ${formatWord(value)}`);
  // The two kinds of answers have the same facts.
  const walk =
    'nestedKind' in translation
      ? describeNestedTranslation(translation as Parameters<typeof describeNestedTranslation>[0])
      : describeTranslation(translation as Parameters<typeof describeTranslation>[0]);
  return [`${kind.name} at ${formatWord(linear)}, ${state.join(' ')}${stage}`, ...entries, `    ${walk}`].join('\n');
}
