import type { TranslateScope } from '../../guest/index.ts';
import type { ReportedOwner } from '../../report/index.ts';
import { UsageError } from '../errors.ts';
import { didYouMean } from './did-you-mean.ts';
import type { GuestOptions } from './guest-options.ts';
import { parseCount, parseNumber } from './parse-number.ts';
import type { ParsedOptions } from './parse-options.ts';

/** Whose address space a command is told to look at, and how. @internal */
export interface ScopeOptions {
  readonly cr3: bigint | undefined;
  /** A process of the guest, by pid or name, whose CR3 is yet to be found. */
  readonly process: number | string | undefined;
  /** Where symbols come from instead of guest memory. */
  readonly symbolsFile?: string | undefined;
  /** Whose CR3 it is, where the guest's Linux was asked. */
  readonly owner?: ReportedOwner | null;
  /** `NAME=VALUE`, not yet understood. */
  readonly overrides: readonly string[];
  readonly profile: string | undefined;
  /** `npt:ROOT` and the like, not yet understood. */
  readonly nested: string | undefined;
  readonly live: boolean;
  readonly hostMemory: boolean;
}

/**
 * Takes the options of SCOPE_OPTIONS.
 *
 * @throws {@link UsageError} `ERR_CLI_USAGE`.
 * @internal
 */
export function parseScopeOptions(
  { values, lists, flags }: ParsedOptions,
  guest: GuestOptions,
  command: string,
): ScopeOptions {
  const cr3 = values.get('cr3');
  const scope = {
    cr3: cr3 === undefined ? undefined : parseNumber(cr3, '--cr3', command),
    process: parseProcess(values, command),
    ...symbolsOption(values),
    overrides: lists.get('set') ?? [],
    profile: values.get('profile'),
    nested: values.get('nested'),
    live: flags.has('live'),
    hostMemory: !flags.has('no-host-memory'),
  };
  const { whyNotLive } = guest.source;
  if (scope.live && whyNotLive !== null) throw new UsageError(whyNotLive, command);
  if (scope.live && !scope.hostMemory) {
    throw new UsageError('--live reads memory from this host, which --no-host-memory refuses', command);
  }
  return scope;
}

/** `--symbols FILE`, which is read when the guest is at hand. @internal */
export function symbolsOption(values: ParsedOptions['values']): { readonly symbolsFile?: string } {
  const symbolsFile = values.get('symbols');
  return symbolsFile === undefined ? {} : { symbolsFile };
}

function parseProcess(values: ParsedOptions['values'], command: string): number | string | undefined {
  const given = ['cr3', 'pid', 'process'].filter((name) => values.has(name));
  if (given.length > 1) throw new UsageError(`--${given[0]} and --${given[1]} exclude each other`, command);
  const pid = values.get('pid');
  return pid === undefined ? values.get('process') : parseCount(pid, '--pid', { least: 0, most: MOST_PIDS }, command);
}

/** PID_MAX_LIMIT. */
const MOST_PIDS = 4_194_304;

/**
 * The scope as the guest layer has it. Done before anything is connected, and not before: that layer takes a while to load.
 *
 * @throws {@link UsageError} `ERR_CLI_USAGE` for a name or value that it does not know.
 * @internal
 */
export async function toTranslateScope(
  { cr3, overrides, profile, nested }: ScopeOptions,
  cpu: number,
  command: string,
): Promise<TranslateScope> {
  const { GuestUsageError, parseNestedStage, parseOverride, parseProfile } = await import('../../guest/index.ts');
  try {
    return {
      cpu,
      ...(cr3 === undefined ? {} : { cr3 }),
      ...(overrides.length === 0 ? {} : { overrides: overrides.map(parseOverride) }),
      ...(profile === undefined ? {} : { profile: parseProfile(profile) }),
      ...(nested === undefined ? {} : { nested: parseNestedStage(nested) }),
    };
  } catch (error) {
    if (!(error instanceof GuestUsageError)) throw error;
    const { unknown } = error;
    const hint = unknown === undefined ? '' : didYouMean(unknown.given, unknown.known);
    throw new UsageError(`${error.message}${hint}`, command, { cause: error });
  }
}
