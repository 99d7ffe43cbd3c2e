import { asAnswer } from '../as-answer.ts';
import type { UsageBits } from '../rules/levels.ts';
import type { Translation, WalkStep } from './translation.ts';

/** Which accessed and dirty bits a caller wants set. @public */
export interface BitFlags {
  /** A in every entry used, when the walk succeeds. */
  readonly setAccessed: boolean;
  /** D in the leaf, when the walk succeeds. Only a write asks for it. */
  readonly setDirty: boolean;
  /** A also when the walk fails, in every entry passed before the one responsible. */
  readonly forceSetAccessed: boolean;
}

/** Bits to set in one entry. @public */
export interface PlannedBits {
  /** Guest physical address of the entry. */
  readonly address: bigint;
  readonly level: number;
  /** The entry as the walk saw it; nothing may be written when it has changed since. */
  readonly value: bigint;
  readonly sizeBytes: 4 | 8;
  readonly accessed: boolean;
  readonly dirty: boolean;
  /** Where A and D are in this entry. */
  readonly usageBits: UsageBits;
}

/** The entries whose A bits may be set: all of a successful walk, those above the responsible one of a failed walk. */
function entriesToMark(translation: Translation, flags: BitFlags): readonly WalkStep[] {
  if (translation.kind === 'mapped') return flags.setAccessed ? translation.steps : [];
  const { responsible } = translation;
  if (!flags.setAccessed || !flags.forceSetAccessed || responsible === null) return [];
  return translation.steps.filter((step) => step.level > responsible.level);
}

/**
 * The accessed and dirty bits that the flags ask for and that the entries, as the walk saw them, lack. PAE PDPTEs are never
 * among them: they have no A bit. D is the leaf's alone.
 *
 * @returns from the top of the tables downwards; empty when nothing is to be written
 * @public
 */
export function planBits(translation: Translation, flags: BitFlags): readonly PlannedBits[] {
  const planned: PlannedBits[] = [];
  for (const step of entriesToMark(translation, flags)) {
    const { address, level, value, sizeBytes, usageBits } = step;
    const accessed = step.hasAccessed && (value & usageBits.accessed) === 0n;
    const isDirtied = translation.kind === 'mapped' && flags.setDirty && step.leaf && step.hasAccessed;
    const dirty = isDirtied && (value & usageBits.dirty) === 0n;
    if (accessed || dirty) planned.push(asAnswer({ address, level, value, sizeBytes, accessed, dirty, usageBits }));
  }
  return planned;
}
