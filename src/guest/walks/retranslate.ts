import {
  type EntrySource,
  type PagingContext,
  type Translation,
  translate,
  type WalkStep,
} from '../../paging/index.ts';

/** An entry that a walk saw. @internal */
export type SeenEntry = Pick<WalkStep, 'address' | 'sizeBytes' | 'value'>;

/** Entries by where and how wide they are: in tables that overlap, entries of both stages may begin at one address. */
const keyOf = (address: bigint, sizeBytes: 4 | 8): string => `${sizeBytes} ${address}`;

/**
 * Makes a translation over nothing but the entries that another one saw.
 *
 * @param missing - where that found no memory
 * @returns undefined when it would read other entries
 * @internal
 */
export function replay<T>(
  seen: readonly SeenEntry[],
  missing: bigint | null | undefined,
  make: (memory: EntrySource) => T,
): T | undefined {
  let strayed = false;
  const known = new Map(seen.map(({ address, sizeBytes, value }) => [keyOf(address, sizeBytes), value]));
  const made = make({
    readEntry(address, sizeBytes) {
      const value = known.get(keyOf(address, sizeBytes));
      if (value === undefined && address !== missing) strayed = true;
      return value ?? null;
    },
  });
  return strayed ? undefined : made;
}

/**
 * The translation of the same address and access in another context, over the entries that the first walk saw.
 *
 * @returns undefined when the walk would read other entries
 * @internal
 */
export function retranslate(context: PagingContext, translation: Translation): Translation | undefined {
  const { steps, linearAddress, access } = translation;
  const isUnbacked = translation.kind === 'fault' && translation.cause === 'unbacked-table';
  const missing = isUnbacked ? translation.responsible?.address : undefined;
  return replay(steps, missing, (memory) => translate(context, memory, linearAddress, access));
}

/** Whether two translations are the same to the program that makes the access. @internal */
export function isSameOutcome(one: Translation, other: Translation): boolean {
  if (one.kind === 'mapped' || other.kind === 'mapped') {
    return one.kind === 'mapped' && other.kind === 'mapped' && one.physicalAddress === other.physicalAddress;
  }
  return (
    one.cause === other.cause &&
    one.vector === other.vector &&
    one.errorCode === other.errorCode &&
    one.responsible?.address === other.responsible?.address
  );
}
