import { parseUntil, type Until } from './moment/until.ts';
import { parseCount } from './parse-number.ts';
import type { ParsedOptions } from './parse-options.ts';
import type { NamedGuest } from './sources/named-guest.ts';
import { parseSource } from './sources/sources.ts';

/** How a command is told to reach its guest. @internal */
export interface GuestOptions {
  /** Where it is. */
  readonly source: NamedGuest;
  readonly cpu: number;
  readonly traceFile: string | undefined;
  /** An assumption that decides an answer is a failure. */
  readonly strict: boolean;
  /** The moment that is waited for; absent for any. */
  readonly until?: Until;
}

const MOST_CPUS = 2 ** 32 - 1;

/**
 * Understands the options that every command about a guest has. Nothing is connected.
 *
 * @throws {@link UsageError} `ERR_CLI_USAGE`, also when no endpoint is given at all.
 * @internal
 */
export function parseGuestOptions(
  parsed: ParsedOptions,
  environment: Readonly<Record<string, string | undefined>>,
  command: string,
): GuestOptions {
  const { values, flags } = parsed;
  const source = parseSource(parsed, environment, command);
  const cpu = values.get('cpu');
  const until = parseUntil(parsed, command);
  return {
    source,
    cpu: cpu === undefined ? 0 : parseCount(cpu, '--cpu', { least: 0, most: MOST_CPUS }, command),
    traceFile: values.get('trace'),
    strict: flags.has('strict'),
    ...(until === undefined ? {} : { until }),
  };
}
