import type { ReferenceTranslation } from './reference-translation.ts';

/** The three flags of KVM_TRANSLATE2 that ask for bits. @internal */
export interface ReferenceFlags {
  setAccessed: boolean;
  setDirty: boolean;
  forceSetAccessed: boolean;
}

/** Bits to set in one entry. @internal */
export interface ReferenceBits {
  address: bigint;
  level: number;
  accessed: boolean;
  dirty: boolean;
}

/**
 * Which accessed and dirty bits the flags ask for and the entries lack (SDM 4.8 for where they exist).
 *
 * `hasPointerTable` says that the walk was PAE, whose level-3 entries have no accessed bit.
 *
 * @internal
 */
export function referencePlan(
  translation: ReferenceTranslation,
  flags: ReferenceFlags,
  hasPointerTable: boolean,
): ReferenceBits[] {
  return usedSteps(translation, flags.forceSetAccessed).flatMap((step, position, steps) => {
    if (hasPointerTable && step.level === 3) {
      return [];
    }
    const isLeaf = translation.kind === 'mapped' && position === steps.length - 1;
    const accessed = flags.setAccessed && (step.value & 0x20n) === 0n;
    const dirty = flags.setDirty && isLeaf && (step.value & 0x40n) === 0n;
    return accessed || dirty ? [{ address: step.address, level: step.level, accessed, dirty }] : [];
  });
}

/** The entries that a bit may be set in: all of a walk that succeeded; with force, those before the one that stopped it. */
function usedSteps(translation: ReferenceTranslation, force: boolean): ReferenceTranslation['steps'] {
  if (translation.kind === 'mapped') {
    return translation.steps;
  }
  if (!force) {
    return [];
  }
  // KVM_TRANSLATE2 stops at the entry that it names in physical_address: the ones above it were passed. That entry is not
  // among the steps where it could not be read.
  const stoppedAt = translation.steps.findIndex((step) => step.level === translation.responsible?.level);
  return stoppedAt === -1 ? translation.steps : translation.steps.slice(0, stoppedAt);
}
