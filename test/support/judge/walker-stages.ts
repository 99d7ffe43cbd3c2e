import {
  createContext,
  createEpt,
  createNpt,
  type NestedContext,
  type PagingContext,
} from '../../../src/paging/index.ts';
import type { ReferenceNested } from '../reference/reference-nested-translation.ts';
import type { ReferenceMachine } from '../reference/reference-translation.ts';

/** The walker's view of what the reference walks: both stages as contexts. @internal */
export function contextsOf(
  guest: ReferenceMachine,
  nested: ReferenceNested,
): { guest: PagingContext; nested: NestedContext } {
  return { guest: createContext(guest.registers, guest.processor), nested: nestedContextOf(nested) };
}

/** @internal */
export function nestedContextOf(nested: ReferenceNested): NestedContext {
  if (nested.kind === 'ept') {
    return createEpt(nested.eptp, nested.capabilities);
  }
  const { registers, processor } = nested.host;
  const { cr0, cr3: nestedCr3, cr4, efer } = registers;
  const { gmet: guestModeExecuteTrap = false, sss: supervisorShadowStackCheck = false } = nested;
  return createNpt({ cr0, nestedCr3, cr4, efer, guestModeExecuteTrap, supervisorShadowStackCheck }, processor);
}
