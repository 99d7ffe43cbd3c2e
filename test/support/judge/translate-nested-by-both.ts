import { expect } from 'chai';
import { type NestedTranslation, translateNested } from '../../../src/paging/index.ts';
import type { ReferenceNested } from '../reference/reference-nested-translation.ts';
import { referenceTranslateNested } from '../reference/reference-nested-walker.ts';
import type { ReferenceAccess, ReferenceMachine, ReferenceMemory } from '../reference/reference-translation.ts';
import { describeNestedTranslation } from './describe-nested-translation.ts';
import { contextsOf } from './walker-stages.ts';

/** The walker's answer, once it is known to be the reference's in every fact. @internal */
export function translateNestedByBoth(
  guest: ReferenceMachine,
  nested: ReferenceNested,
  memory: ReferenceMemory,
  linear: bigint,
  access: ReferenceAccess,
): NestedTranslation {
  const contexts = contextsOf(guest, nested);
  const translation = translateNested(contexts.guest, contexts.nested, memory, linear, access);
  const expected = referenceTranslateNested(guest, nested, memory, linear, access);
  expect(describeNestedTranslation(translation), 'the walker and the reference').to.equal(
    describeNestedTranslation(expected),
  );
  return translation;
}
