import type { Access, BitFlags, NestedTranslation, PlannedBits, Translation } from '../../paging/index.ts';
import type { Deviation } from './deviation.ts';
import type { TranslateRequest } from './guest-translation.ts';

/** What is asked. @internal */
export type Question = Pick<TranslateRequest, 'linearAddress' | 'access'>;

/** Whose behaviour: what the question asks for, or that of the machine that runs the guest. @internal */
export type Judge = 'asked' | 'machine';

/** What a translation comes to in the guest's own terms, and through both stages where there are two. @internal */
export interface Parts {
  readonly first: Translation;
  readonly both: NestedTranslation | null;
  /** Where it leads, of a nested guest in L1's memory; null when it leads nowhere. */
  readonly end: bigint | null;
}

/** Which protection keys have a say in a translation, as far as its walk tells. @internal */
export type KeysReached = 'user' | 'supervisor' | 'any' | 'none';

/**
 * What one stage and two do each in its own way. The way from requests to answers, `answerRequests`, is the same for both.
 *
 * @internal
 */
export interface StagedWalks<T, Planned extends PlannedBits> {
  /** How many walks the pages of tables in the cache do for. */
  readonly together: number;
  /** Walks over single entries. @throws PagingInputError for an address or access that no processor could make. */
  walkFew(questions: readonly Question[], judge: Judge): Promise<readonly T[]>;
  /** The same over whole pages, each read once; at most `together`. */
  walkPages(questions: readonly Question[], judge: Judge): Promise<readonly T[]>;
  /** The same translation once more over the entries that it saw; undefined when it would read others. */
  again(translation: T, access: Access, judge: Judge): T | undefined;
  keysReached(translation: T): KeysReached;
  plan(translation: T, flags: BitFlags): readonly Planned[];
  partsOf(translation: T, access: Access): Parts;
  /** What the machine makes of it; null where that is the same. */
  findDeviation(translation: T, onMachine: T): Deviation | null;
}
