import { LONGEST_TIMER_MS } from '../../../../protocols/transport/internal.ts';
import { UsageError } from '../../errors.ts';
import type { CliContext } from '../../options/command.ts';
import { type GuestOptions, parseGuestOptions } from '../../options/guest-options.ts';
import { GUEST_OPTIONS, SCOPE_OPTIONS } from '../../options/option-table.ts';
import { parseCount } from '../../options/parse-number.ts';
import { parseOptions, refusePositionals } from '../../options/parse-options.ts';
import { parseScopeOptions, type ScopeOptions } from '../../options/scope-options.ts';
import { parseWrittenRange, type WrittenRange } from '../../options/written-range.ts';

/** @internal */
export const NAME = 'watch';

const DEFAULT_MS = 1000;
const MOST_ROUNDS = 1_000_000;

/** @internal */
export const OPTIONS = {
  range: { value: 'FIRST-LAST', help: 'the pages to watch: linear addresses; or FIRST+SIZE, or a symbol' },
  clear: { help: 'clear their accessed bits in the guest before each round: nothing is done without this consent' },
  'clear-dirty': {
    help: 'clear their dirty bits too, to see every write. A guest that drops a page meanwhile that looks\nclean loses what it wrote there',
  },
  for: { value: 'MS', help: `how long the guest runs in a round; ${DEFAULT_MS} when not given` },
  rounds: { value: 'N', help: 'how many rounds; 1 when not given' },
  ...GUEST_OPTIONS,
  cr3: SCOPE_OPTIONS.cr3,
  pid: SCOPE_OPTIONS.pid,
  process: SCOPE_OPTIONS.process,
  symbols: SCOPE_OPTIONS.symbols,
  'no-host-memory': SCOPE_OPTIONS['no-host-memory'],
} as const;

/** What a `watch` command line asks for. @internal */
export interface WatchCommandLine {
  readonly guest: GuestOptions;
  readonly scope: ScopeOptions;
  readonly range: WrittenRange;
  readonly clearsDirty: boolean;
  readonly forMs: number;
  readonly rounds: number;
  readonly json: boolean;
}

/**
 * @throws {@link UsageError} `ERR_CLI_USAGE`, also without the consent to clear bits.
 * @internal
 */
export function parseWatch(words: readonly string[], environment: CliContext['environment']): WatchCommandLine {
  const options = parseOptions(words, OPTIONS, NAME);
  refusePositionals(options, NAME);
  const { values, flags } = options;
  const range = values.get('range');
  if (range === undefined) throw new UsageError('say which pages to watch with --range FIRST-LAST', NAME);
  if (!flags.has('clear')) {
    throw new UsageError(
      'what a guest touches is seen by clearing accessed bits in its page tables: say that this may be done with --clear',
      NAME,
    );
  }
  const guest = parseGuestOptions(options, environment, NAME);
  const { whyNotWritable } = guest.source;
  if (whyNotWritable !== undefined) throw new UsageError(`--clear: ${whyNotWritable}`, NAME);
  const count = (name: 'for' | 'rounds', otherwise: number, most: number): number => {
    const text = values.get(name);
    return text === undefined ? otherwise : parseCount(text, `--${name}`, { least: 1, most }, NAME);
  };
  return {
    guest,
    scope: parseScopeOptions(options, guest, NAME),
    range: parseWrittenRange(range, '--range', NAME),
    clearsDirty: flags.has('clear-dirty'),
    forMs: count('for', DEFAULT_MS, LONGEST_TIMER_MS),
    rounds: count('rounds', 1, MOST_ROUNDS),
    json: flags.has('json'),
  };
}
