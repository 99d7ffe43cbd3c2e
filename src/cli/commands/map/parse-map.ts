import { UsageError } from '../../errors.ts';
import type { CliContext } from '../../options/command.ts';
import { type GuestOptions, parseGuestOptions } from '../../options/guest-options.ts';
import { parseMapFilter } from '../../options/map-filter.ts';
import { GUEST_OPTIONS, SCOPE_OPTIONS } from '../../options/option-table.ts';
import { parseCount } from '../../options/parse-number.ts';
import { parseOptions, refusePositionals } from '../../options/parse-options.ts';
import { parseScopeOptions, type ScopeOptions } from '../../options/scope-options.ts';
import { parseWrittenRange, type WrittenRange } from '../../options/written-range.ts';

/** @internal */
export const NAME = 'map';

/** Tables of garbage can hold a range for each of 2^36 pages. */
const DEFAULT_LIMIT = 1_000_000;
const HIGHEST_LIMIT = 999_999_999_999_999;

/** @internal */
export const OPTIONS = {
  range: {
    value: 'FIRST-LAST',
    help: 'only pages that overlap these linear addresses; or FIRST+SIZE, or a symbol for all of it',
  },
  filter: {
    value: 'RIGHTS',
    help: 'only such pages: w, ro, x, nx, user, supervisor, global, key=N; w+x,user is w and x, or user',
  },
  leaves: { help: 'page by page instead of ranges with the same rights' },
  summary: { help: 'how much there is with which rights, what the tables take, and what looks like a mistake' },
  names: { help: "whose address space it is and what lies where, by the guest's Linux; --pid and --process do it too" },
  html: {
    value: 'FILE',
    help: 'write a page with a picture of the address space, to look at in a browser, without a network',
  },
  limit: { value: 'N', help: `stop after so many lines; ${DEFAULT_LIMIT} when not given` },
  ...GUEST_OPTIONS,
  ...SCOPE_OPTIONS,
} as const;

/** What a `map` command line asks for. @internal */
export interface MapCommandLine {
  readonly guest: GuestOptions;
  readonly scope: ScopeOptions;
  /** Null for everything. */
  readonly range: WrittenRange | null;
  /** As it was given; null for everything. */
  readonly filter: string | null;
  readonly of: 'ranges' | 'pages';
  readonly summary: boolean;
  readonly limit: number;
  readonly json: boolean;
  /** Show what Linux keeps where. */
  readonly names: boolean;
  /** The file to write a picture to; undefined to print. */
  readonly html: string | undefined;
}

/**
 * @throws {@link UsageError} `ERR_CLI_USAGE`.
 * @internal
 */
export function parseMap(words: readonly string[], environment: CliContext['environment']): MapCommandLine {
  const options = parseOptions(words, OPTIONS, NAME);
  const { flags, values } = options;
  refusePositionals(options, NAME, '; for a part of the address space: --range');
  if (flags.has('leaves') && flags.has('summary')) {
    throw new UsageError('--leaves and --summary exclude each other', NAME);
  }
  const html = values.get('html');
  const printed = html === undefined ? undefined : ['leaves', 'summary', 'json'].find((name) => flags.has(name));
  const cut = html === undefined ? undefined : ['filter', 'limit'].find((name) => values.has(name));
  if (printed !== undefined || cut !== undefined) {
    throw new UsageError(`--html and --${printed ?? cut} exclude each other: a picture has everything in it`, NAME);
  }
  const range = values.get('range');
  const filter = values.get('filter') ?? null;
  if (filter !== null) parseMapFilter(filter, NAME);
  const limit = values.get('limit');
  const guest = parseGuestOptions(options, environment, NAME);
  const scope = parseScopeOptions(options, guest, NAME);
  return {
    guest,
    scope,
    range: range === undefined ? null : parseWrittenRange(range, '--range', NAME),
    filter,
    of: flags.has('leaves') ? 'pages' : 'ranges',
    summary: flags.has('summary'),
    limit: limit === undefined ? DEFAULT_LIMIT : parseCount(limit, '--limit', { least: 1, most: HIGHEST_LIMIT }, NAME),
    json: flags.has('json'),
    names: flags.has('names') || scope.process !== undefined || scope.symbolsFile !== undefined,
    html,
  };
}
