import { UsageError } from '../../errors.ts';
import type { CliContext, Command } from '../../options/command.ts';
import { type GuestOptions, parseGuestOptions } from '../../options/guest-options.ts';
import { parseMapFilter } from '../../options/map-filter.ts';
import { GUEST_OPTIONS, SCOPE_OPTIONS } from '../../options/option-table.ts';
import { parseCount } from '../../options/parse-number.ts';
import { parseOptions } from '../../options/parse-options.ts';
import { type AddressRange, parseRange } from '../../options/parse-range.ts';
import { parseScopeOptions, type ScopeOptions, toTranslateScope } from '../../options/scope-options.ts';
import { takeSnapshot } from '../../session/take-snapshot.ts';
import { printMap } from './print-map.ts';

const NAME = 'map';

/** Tables of garbage can hold a range for each of 2^36 pages. */
const DEFAULT_LIMIT = 1_000_000;
const HIGHEST_LIMIT = 999_999_999_999_999;
const EVERYTHING: AddressRange = { first: 0n, last: 0xffff_ffff_ffff_ffffn };

const OPTIONS = {
  range: { value: 'FIRST-LAST', help: 'only pages that overlap these linear addresses; FIRST+SIZE does as well' },
  filter: {
    value: 'RIGHTS',
    help: 'only such pages: w, ro, x, nx, user, supervisor, global, key=N; w+x,user is w and x, or user',
  },
  leaves: { help: 'page by page instead of ranges with the same rights' },
  summary: { help: 'how much there is with which rights, what the tables take, and what looks like a mistake' },
  limit: { value: 'N', help: `give up after so many lines; ${DEFAULT_LIMIT} when not given` },
  ...GUEST_OPTIONS,
  ...SCOPE_OPTIONS,
} as const;

/** What a `map` command line asks for. @internal */
export interface MapCommandLine {
  readonly guest: GuestOptions;
  readonly scope: ScopeOptions;
  readonly range: AddressRange;
  /** As it was given; null for everything. */
  readonly filter: string | null;
  readonly of: 'ranges' | 'pages';
  readonly summary: boolean;
  readonly limit: number;
  readonly json: boolean;
}

/**
 * @throws {@link UsageError} `ERR_CLI_USAGE`.
 * @internal
 */
export function parseMap(words: readonly string[], environment: CliContext['environment']): MapCommandLine {
  const options = parseOptions(words, OPTIONS, NAME);
  const { flags, values, positionals } = options;
  const [stray] = positionals;
  if (stray !== undefined) {
    throw new UsageError(
      `${NAME} takes no argument, and has been given ${JSON.stringify(stray)}; for a part: --range`,
      NAME,
    );
  }
  if (flags.has('leaves') && flags.has('summary')) {
    throw new UsageError('--leaves and --summary exclude each other', NAME);
  }
  const range = values.get('range');
  const filter = values.get('filter') ?? null;
  if (filter !== null) parseMapFilter(filter, NAME);
  const limit = values.get('limit');
  const guest = parseGuestOptions(options, environment, NAME);
  return {
    guest,
    scope: parseScopeOptions(options, guest, NAME),
    range: range === undefined ? EVERYTHING : parseRange(range, '--range', NAME),
    filter,
    of: flags.has('leaves') ? 'pages' : 'ranges',
    summary: flags.has('summary'),
    limit: limit === undefined ? DEFAULT_LIMIT : parseCount(limit, '--limit', { least: 1, most: HIGHEST_LIMIT }, NAME),
    json: flags.has('json'),
  };
}

async function run(words: readonly string[], context: CliContext): Promise<number> {
  const line = parseMap(words, context.environment);
  const scope = await toTranslateScope(line.scope, line.guest.cpu, NAME);
  const taken = await takeSnapshot(line.guest, line.scope, { ...scope, ...line.range }, context);
  return printMap(taken, line, context);
}

/** @internal */
export const mapCommand: Command = {
  name: NAME,
  synopsis: '--qmp ENDPOINT [OPTION...]',
  description:
    'Shows what an address space maps, with the rights that all levels together leave: ranges of pages with the same rights,\n' +
    'the sizes of their pages, how many of these have A and D set, where they lead and what is there. r w x u are read,\n' +
    'write, execute, user; G is global. Tables are read in one pause; what is printed is printed when the guest runs again.\n' +
    '\n' +
    "While the vCPU runs a nested guest (L2), it is that guest's address space through both stages: with the rights that both\n" +
    'leave, in pages of the smaller size, leading to L1 physical addresses, in the memory of its hypervisor (L1). A and D are\n' +
    'those of L2 itself.\n' +
    '\n' +
    'With --json the first line says what map it is, the last one whether it is whole: {"kind":"map",…}, {"kind":"range",…}\n' +
    'or {"kind":"page",…}, {"kind":"end",…}. pagewalk diff compares two such files. The exit status is 1 when it was given\n' +
    'up.',
  options: OPTIONS,
  run,
};
