import type { Assumption } from '../../../guest/index.ts';
import type { Alias, PagingMode } from '../../../paging/index.ts';
import type { AliasNames } from '../../../report/index.ts';
import type { AddressRange } from '../../options/parse-range.ts';

/** Linear addresses that lead to what was looked for, and what the guest's Linux says of them. @internal */
export interface FoundAlias {
  readonly alias: Alias;
  readonly names: AliasNames;
  /** Of the address space that they are in. */
  readonly mode: PagingMode;
}

/** What came of a search. @internal */
export interface FoundAliases {
  readonly aliases: readonly FoundAlias[];
  /** What was looked through, empty for everything; and what was looked for. */
  readonly range: Partial<AddressRange>;
  readonly physical: AddressRange;
  /** Why not everything was looked through, in sentences; empty where it was. */
  readonly incomplete: readonly string[];
  /** False where a table that a search begins with is in no memory. */
  readonly rootReadable: boolean;
  readonly assumed: readonly Assumption[];
  /** Names of the ROM in which tables lie. */
  readonly tablesInRom: readonly string[];
  /** Through two stages. */
  readonly isNested: boolean;
}
