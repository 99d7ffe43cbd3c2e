import { LONGEST_TIMER_MS } from '../../../../protocols/transport/internal.ts';
import { UsageError } from '../../errors.ts';
import type { CliContext } from '../../options/command.ts';
import { type GuestOptions, parseGuestOptions } from '../../options/guest-options.ts';
import { GUEST_OPTIONS, SCOPE_OPTIONS } from '../../options/option-table.ts';
import { parseCount } from '../../options/parse-number.ts';
import { type ParsedOptions, parseOptions } from '../../options/parse-options.ts';
import { parseScopeOptions, type ScopeOptions } from '../../options/scope-options.ts';
import { refuseRunningOptions } from '../../options/sources/dump-file.ts';
import { SOURCE_OPTIONS } from '../../options/sources/sources.ts';
import { parseWrittenRange, type WrittenRange } from '../../options/written-range.ts';

/** @internal */
export const NAME = 'diff';

const DEFAULT_LIMIT = 1_000_000;
const HIGHEST_LIMIT = 999_999_999_999_999;

/** @internal */
export const OPTIONS = {
  after: { value: 'MS', help: 'compare a running guest with itself so many milliseconds later' },
  range: {
    value: 'FIRST-LAST',
    help: 'with --after: only pages that overlap these linear addresses; or FIRST+SIZE, or a symbol',
  },
  html: { value: 'FILE', help: 'write a page with a picture of both, and of what changed, for a browser' },
  names: {
    help: "with --html: whose address space it is and what lies where, by the guest's Linux",
  },
  limit: { value: 'N', help: `stop after so many lines; ${DEFAULT_LIMIT} when not given` },
  ...GUEST_OPTIONS,
  ...SCOPE_OPTIONS,
  dump: {
    value: 'FILE',
    repeats: true,
    help: 'compare two dumps (--dump BEFORE --dump AFTER), or a dump with a guest as it is now',
  },
  registers: {
    value: 'FILE',
    repeats: true,
    help: 'registers of each --dump, in the same order: a saved info registers -a, or pagewalk state --json',
  },
} as const;

/** Options that do not need a guest. */
const OF_BOTH: readonly string[] = ['limit', 'json', 'strict', 'html'];

/** How changes are printed. @internal */
export interface PrintedDiff {
  readonly limit: number;
  readonly json: boolean;
}

/** What both kinds of comparison have. @internal */
export interface DiffOutput extends PrintedDiff {
  /** The file to write a picture to; undefined to print. */
  readonly html: string | undefined;
}

/** Two files. @internal */
export interface DiffSavedCommandLine extends DiffOutput {
  readonly kind: 'saved';
  readonly before: string;
  readonly after: string;
  readonly strict: boolean;
}

/** Two moments of a guest. @internal */
export interface DiffGuestCommandLine extends DiffOutput {
  readonly kind: 'guest';
  readonly guest: GuestOptions;
  readonly scope: ScopeOptions;
  readonly afterMs: number;
  /** Null for everything. */
  readonly range: WrittenRange | null;
  /** The page shows what Linux keeps where. */
  readonly names: boolean;
}

/** Two guests, or one at two times: a dump, and another dump or a guest as it is now. @internal */
export interface DiffTwoCommandLine extends DiffOutput {
  readonly kind: 'two';
  readonly before: GuestOptions;
  readonly after: GuestOptions;
  readonly scope: ScopeOptions;
  /** Null for everything. */
  readonly range: WrittenRange | null;
  /** The page shows what Linux keeps where. */
  readonly names: boolean;
}

/** What a `diff` command line asks for. @internal */
export type DiffCommandLine = DiffSavedCommandLine | DiffGuestCommandLine | DiffTwoCommandLine;

/**
 * @throws {@link UsageError} `ERR_CLI_USAGE`.
 * @internal
 */
export function parseDiff(words: readonly string[], environment: CliContext['environment']): DiffCommandLine {
  const options = parseOptions(words, OPTIONS, NAME);
  const { flags, values } = options;
  const limit = values.get('limit');
  const html = values.get('html');
  if (html !== undefined && (flags.has('json') || limit !== undefined)) {
    throw new UsageError(`--html and --${flags.has('json') ? 'json' : 'limit'} exclude each other`, NAME);
  }
  if (html === undefined && flags.has('names')) throw new UsageError('--names needs --html', NAME);
  const output = {
    html,
    limit: limit === undefined ? DEFAULT_LIMIT : parseCount(limit, '--limit', { least: 1, most: HIGHEST_LIMIT }, NAME),
    json: flags.has('json'),
  };
  const after = values.get('after');
  if (options.lists.has('dump')) return { ...parseTwo(options, environment), ...output };
  if (options.lists.has('registers')) throw new UsageError('--registers needs --dump', NAME);
  return after === undefined
    ? { ...parseSaved(options), ...output }
    : { ...parseMoments(options, after, environment), ...output };
}

function parseSaved({
  positionals,
  values,
  flags,
  lists,
}: ParsedOptions): Omit<DiffSavedCommandLine, keyof DiffOutput> {
  const [before, after, stray] = positionals;
  if (before === undefined || after === undefined || stray !== undefined) {
    throw new UsageError(
      'give two files saved by pagewalk map --json, or --after MS and a guest, or --dump FILE twice or beside a guest',
      NAME,
    );
  }
  if (before === '-' && after === '-')
    throw new UsageError('standard input can be one of the two maps, not both', NAME);
  const given = [...values.keys(), ...lists.keys(), ...flags].find((name) => !OF_BOTH.includes(name));
  if (given !== undefined) throw new UsageError(`--${given} is about a guest, and needs --after MS`, NAME);
  return { kind: 'saved', before, after, strict: flags.has('strict') };
}

function parseMoments(
  options: ParsedOptions,
  after: string,
  environment: CliContext['environment'],
): Omit<DiffGuestCommandLine, keyof DiffOutput> {
  const { positionals, values } = options;
  const [stray] = positionals;
  if (stray !== undefined) {
    throw new UsageError(`--after compares a guest with itself, and ${JSON.stringify(stray)} is a file`, NAME);
  }
  const range = values.get('range');
  const guest = parseGuestOptions(options, environment, NAME);
  const scope = parseScopeOptions(options, guest, NAME);
  return {
    kind: 'guest',
    guest,
    scope,
    names: showsNames(options, scope),
    afterMs: parseCount(after, '--after', { least: 0, most: LONGEST_TIMER_MS }, NAME),
    range: range === undefined ? null : parseWrittenRange(range, '--range', NAME),
  };
}

function parseTwo(
  options: ParsedOptions,
  environment: CliContext['environment'],
): Omit<DiffTwoCommandLine, keyof DiffOutput> {
  const { positionals, values, lists } = options;
  const dumps = lists.get('dump') ?? [];
  const registers = lists.get('registers') ?? [];
  const [before = '', other, third] = dumps;
  const [stray] = positionals;
  if (third !== undefined) throw new UsageError(`two dumps are compared (got ${dumps.length})`, NAME);
  if (stray !== undefined) {
    throw new UsageError(`--dump compares dumps and guests, and ${JSON.stringify(stray)} is a file`, NAME);
  }
  if (values.has('after')) throw new UsageError('--after compares a guest that runs with itself, without --dump', NAME);
  if (registers.length > 0 && registers.length !== dumps.length) {
    throw new UsageError(`give --registers once for each --dump (got ${registers.length} for ${dumps.length})`, NAME);
  }
  const range = values.get('range');
  const guestOf = (dump: string, at: number): GuestOptions => {
    const saved = registers[at];
    const cpu = values.get('cpu');
    // What else there is belongs to the guest that runs.
    const own = new Map([
      ['dump', dump],
      ...(saved === undefined ? [] : [['registers', saved] as const]),
      ...(cpu === undefined ? [] : [['cpu', cpu] as const]),
    ]);
    const flags = new Set([...options.flags].filter((name) => name === 'strict'));
    return parseGuestOptions({ ...options, flags, values: own }, environment, NAME);
  };
  if (other !== undefined) {
    refuseRunningOptions(options, NAME);
    const running = Object.keys(SOURCE_OPTIONS).find((name) => values.has(name));
    if (running !== undefined)
      throw new UsageError(`two dumps are compared, and --${running} names a third guest`, NAME);
  }
  const running = other === undefined ? parseGuestOptions(options, environment, NAME) : undefined;
  const after = running ?? guestOf(other ?? '', 1);
  const scope = parseScopeOptions(options, after, NAME);
  return {
    kind: 'two',
    before: guestOf(before, 0),
    after,
    scope,
    names: showsNames(options, scope),
    range: range === undefined ? null : parseWrittenRange(range, '--range', NAME),
  };
}

function showsNames({ flags, values }: ParsedOptions, { process, symbolsFile }: ScopeOptions): boolean {
  return values.has('html') && (flags.has('names') || process !== undefined || symbolsFile !== undefined);
}
