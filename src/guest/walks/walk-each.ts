import { type Access, encodeAccess, type NestedContext, type PagingContext } from '../../paging/internal.ts';
import type { PageCache } from '../memory/page-cache.ts';
import { LastTables } from './last-tables.ts';
import type { TranslationTable } from './translation-table.ts';
import { halvesOf, WALKED_TOGETHER, walkMany } from './walk-many.ts';
import { NESTED_WALKED_TOGETHER, walkManyNested } from './walk-many-nested.ts';

/** One stage, or two. @internal */
export interface Stages {
  readonly context: PagingContext;
  readonly nested: NestedContext | null;
}

/**
 * Walks any number of addresses for one kind of access, as many together as the cache has room for.
 *
 * @param table - takes the answers; unless given, the walks are made for the pages that come into the cache
 * @internal
 */
export async function walkEach(
  { context, nested }: Stages,
  addresses: BigUint64Array,
  access: Access,
  cache: PageCache,
  table?: TranslationTable,
): Promise<void> {
  const code = encodeAccess(access);
  const together = nested === null ? WALKED_TOGETHER : NESTED_WALKED_TOGETHER;
  const known = new LastTables(context);
  for (let start = 0; start < addresses.length; start += together) {
    const chunk = addresses.subarray(start, start + together);
    const columns = { halves: halvesOf(chunk), accesses: new Uint16Array(chunk.length).fill(code) };
    await (nested === null
      ? walkMany(context, columns, cache, (index, walk) => table?.set(start + index, walk), known)
      : walkManyNested(context, nested, columns, cache, (index, walk) => table?.setNested(start + index, walk)));
  }
}
