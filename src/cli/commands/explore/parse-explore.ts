import { UsageError } from '../../errors.ts';
import type { CliContext } from '../../options/command.ts';
import { type GuestOptions, parseGuestOptions } from '../../options/guest-options.ts';
import type { OptionTable } from '../../options/option-row.ts';
import { GUEST_OPTIONS, SCOPE_OPTIONS } from '../../options/option-table.ts';
import { parseCount } from '../../options/parse-number.ts';
import { parseOptions } from '../../options/parse-options.ts';
import { type AddressRange, parseRange } from '../../options/parse-range.ts';
import { parseScopeOptions, type ScopeOptions } from '../../options/scope-options.ts';

/** @internal */
export const NAME = 'explore';

const EVERYTHING: AddressRange = { first: 0n, last: 0xffff_ffff_ffff_ffffn };
const HIGHEST_PORT = 65_535;
/** Each is held in memory. */
const MOST_FILES = 16;

/** The page says what was assumed, and there is nothing to print that could be JSON. */
const ASKING = Object.fromEntries(Object.entries(GUEST_OPTIONS).filter(([name]) => !['json', 'strict'].includes(name)));

/** @internal */
export const OPTIONS: OptionTable = {
  port: { value: 'N', help: 'the port on this host; a free one when not given' },
  range: { value: 'FIRST-LAST', help: 'only pages that overlap these linear addresses; FIRST+SIZE does as well' },
  names: { help: "whose address space it is and what lies where, by the guest's Linux; --pid and --process do it too" },
  ...ASKING,
  ...SCOPE_OPTIONS,
};

/** Options that do not need a guest. */
const OF_BOTH: readonly string[] = ['port'];

/** What an `explore` command line asks for. @internal */
export type ExploreCommandLine = { readonly port: number } & (
  | { readonly kind: 'saved'; readonly files: readonly string[] }
  | {
      readonly kind: 'guest';
      readonly guest: GuestOptions;
      readonly scope: ScopeOptions;
      readonly range: AddressRange;
      /** Show what Linux keeps where. */
      readonly names: boolean;
    }
);

/**
 * @throws {@link UsageError} `ERR_CLI_USAGE`.
 * @internal
 */
export function parseExplore(words: readonly string[], environment: CliContext['environment']): ExploreCommandLine {
  const options = parseOptions(words, OPTIONS, NAME);
  const { flags, values, lists, positionals } = options;
  const portText = values.get('port');
  const port = portText === undefined ? 0 : parseCount(portText, '--port', { least: 1, most: HIGHEST_PORT }, NAME);
  if (positionals.length > 0) {
    const given = [...values.keys(), ...lists.keys(), ...flags].find((name) => !OF_BOTH.includes(name));
    if (given !== undefined) throw new UsageError(`--${given} is about a guest, and files were given`, NAME);
    if (positionals.length > MOST_FILES) {
      throw new UsageError(`at most ${MOST_FILES} files at once; these are ${positionals.length}`, NAME);
    }
    return { kind: 'saved', files: positionals, port };
  }
  const range = values.get('range');
  const guest = parseGuestOptions(options, environment, NAME);
  const scope = parseScopeOptions(options, guest, NAME);
  return {
    kind: 'guest',
    guest,
    scope,
    names: flags.has('names') || scope.process !== undefined || scope.symbolsFile !== undefined,
    range: range === undefined ? EVERYTHING : parseRange(range, '--range', NAME),
    port,
  };
}
