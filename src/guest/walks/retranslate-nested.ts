import {
  type Access,
  type NestedContext,
  type NestedTranslation,
  type PagingContext,
  translateNested,
} from '../../paging/index.ts';
import { isSameOutcome, replay, type SeenEntry } from './retranslate.ts';

/** The entries that a walk saw, of both stages, at L1 physical addresses. */
function seenEntries(translation: NestedTranslation): readonly SeenEntry[] {
  const { walks } = translation;
  const guestSteps = translation.kind === 'nested-fault' ? translation.guestSteps : translation.guest.steps;
  const tables = walks.filter(({ purpose }) => purpose === 'table');
  const inL1Of = new Map(tables.map((walk) => [walk.l2PhysicalAddress, walk.l1PhysicalAddress]));
  const nested = walks.flatMap(({ steps }) => steps);
  // A PDPTE that came from its register is at no address.
  const guest = guestSteps.flatMap((step) => {
    const address = inL1Of.get(step.address);
    return typeof address === 'bigint' ? [{ ...step, address }] : [];
  });
  return [...nested, ...guest];
}

/** Where a walk found no memory; undefined when it found all that it wanted. */
function missingAddress(translation: NestedTranslation): bigint | null | undefined {
  if (!isUnbacked(translation)) return undefined;
  const { walks } = translation;
  const responsible = translation.kind === 'nested-fault' ? translation.responsible : null;
  return responsible?.address ?? walks.at(-1)?.l1PhysicalAddress;
}

/** Whether a table of either stage is in no memory. @internal */
export function isUnbacked(translation: NestedTranslation): boolean {
  if (translation.kind === 'guest-fault') return translation.guest.cause === 'unbacked-table';
  return translation.kind === 'nested-fault' && translation.cause === 'unbacked-table';
}

/**
 * The translation of the same address and access by other contexts, over the entries that the first walk saw.
 *
 * @returns undefined when the walk would read other entries
 * @internal
 */
export function retranslateNested(
  guest: PagingContext,
  nested: NestedContext,
  translation: NestedTranslation,
  access: Access,
): NestedTranslation | undefined {
  const { linearAddress } = translation;
  return replay(seenEntries(translation), missingAddress(translation), (memory) =>
    translateNested(guest, nested, memory, linearAddress, access),
  );
}

/** Whether two translations are the same to the program that makes the access, and to the hypervisor. @internal */
export function isSameNestedOutcome(one: NestedTranslation, other: NestedTranslation): boolean {
  if (one.kind === 'mapped') {
    return (
      other.kind === 'mapped' &&
      one.l1PhysicalAddress === other.l1PhysicalAddress &&
      one.l2PhysicalAddress === other.l2PhysicalAddress
    );
  }
  if (one.kind === 'guest-fault') return other.kind === 'guest-fault' && isSameOutcome(one.guest, other.guest);
  return (
    other.kind === 'nested-fault' &&
    one.purpose === other.purpose &&
    one.cause === other.cause &&
    one.l2PhysicalAddress === other.l2PhysicalAddress &&
    one.exitInfo1 === other.exitInfo1 &&
    one.exitQualification === other.exitQualification &&
    one.responsible?.address === other.responsible?.address
  );
}
