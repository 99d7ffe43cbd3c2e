import { expect } from 'chai';
import { createContext, type Translation, translate } from '../../../src/paging/index.ts';
import type { ReferenceAccess, ReferenceMachine, ReferenceMemory } from '../reference/reference-translation.ts';
import { referenceTranslate } from '../reference/reference-walker.ts';
import { describeTranslation } from './describe-translation.ts';

/** The walker's answer, once it is known to be the reference's in every fact. @internal */
export function translateByBoth(
  machine: ReferenceMachine,
  memory: ReferenceMemory,
  linear: bigint,
  access: ReferenceAccess,
): Translation {
  const translation = translate(createContext(machine.registers, machine.processor), memory, linear, access);
  const expected = referenceTranslate(machine, memory, linear, access);
  expect(describeTranslation(translation), 'the walker and the reference').to.equal(describeTranslation(expected));
  return translation;
}
