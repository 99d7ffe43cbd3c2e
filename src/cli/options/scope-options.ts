import type { TranslateScope } from '../../guest/index.ts';
import { UsageError } from '../errors.ts';
import { didYouMean } from './did-you-mean.ts';
import type { GuestOptions } from './guest-options.ts';
import { parseNumber } from './parse-number.ts';
import type { ParsedOptions } from './parse-options.ts';

/** Whose address space a command is told to look at, and how. @internal */
export interface ScopeOptions {
  readonly cr3: bigint | undefined;
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
