import { type PagingContext, type Translation, translate } from '../paging/index.ts';

/**
 * The translation of the same address and access in another context, over the entries that the first walk saw.
 *
 * @returns undefined when the walk would read other entries
 * @internal
 */
export function retranslate(context: PagingContext, translation: Translation): Translation | undefined {
  let strayed = false;
  const known = new Map(translation.steps.map((step) => [step.address, step.value]));
  const unbacked =
    translation.kind === 'fault' && translation.cause === 'unbacked-table' ? translation.responsible : null;
  const memory = {
    readEntry(address: bigint): bigint | null {
      const value = known.get(address);
      if (value === undefined && address !== unbacked?.address) strayed = true;
      return value ?? null;
    },
  };
  const again = translate(context, memory, translation.linearAddress, translation.access);
  return strayed ? undefined : again;
}

/** Whether two translations are the same to whoever makes the access. @internal */
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
