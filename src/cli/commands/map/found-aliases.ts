import type { Assumption } from '../../../guest/index.ts';
import type { Alias } from '../../../paging/index.ts';
import type { AliasNames } from '../../../report/index.ts';
import type { AddressRange } from '../../options/parse-range.ts';

/** Linear addresses that lead to what was looked for, and what the guest's Linux says of them. @internal */
export interface FoundAlias {
  readonly alias: Alias;
  readonly names: AliasNames;
}

/** What came of a search. @internal */
export interface FoundAliases {
  readonly aliases: readonly FoundAlias[];
  /** What was looked through, empty for everything; and what was looked for. */
  readonly range: Partial<AddressRange>;
  readonly physical: AddressRange;
  /** False where it was stopped. */
  readonly complete: boolean;
  /** Why there is nothing to search, as a sentence; null where there is. */
  readonly unreadable: string | null;
  readonly assumed: readonly Assumption[];
  /** Through two stages. */
  readonly isNested: boolean;
}
