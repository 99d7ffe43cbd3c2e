import { UsageError } from '../errors.ts';
import type { CliContext } from './command.ts';
import { type GuestOptions, parseGuestOptions } from './guest-options.ts';
import { GUEST_OPTIONS, SCOPE_OPTIONS } from './option-table.ts';
import type { ParsedOptions } from './parse-options.ts';
import { symbolsOption } from './scope-options.ts';
import { SOURCE_OPTIONS } from './sources/sources.ts';

/** Options of commands that ask the Linux in a guest, whatever address space is in use. @internal */
export const LINUX_OPTIONS = {
  ...SOURCE_OPTIONS,
  cpu: GUEST_OPTIONS.cpu,
  live: SCOPE_OPTIONS.live,
  symbols: SCOPE_OPTIONS.symbols,
  json: GUEST_OPTIONS.json,
  'no-host-memory': SCOPE_OPTIONS['no-host-memory'],
  trace: GUEST_OPTIONS.trace,
  timeout: GUEST_OPTIONS.timeout,
  'max-pause': GUEST_OPTIONS['max-pause'],
} as const;

/** @internal */
export interface LinuxOptions {
  readonly guest: GuestOptions;
  readonly live: boolean;
  readonly hostMemory: boolean;
  readonly symbolsFile?: string;
  readonly json: boolean;
}

/**
 * Takes the options of LINUX_OPTIONS.
 *
 * @throws {@link UsageError} `ERR_CLI_USAGE`.
 * @internal
 */
export function parseLinuxOptions(
  options: ParsedOptions,
  environment: CliContext['environment'],
  command: string,
): LinuxOptions {
  const guest = parseGuestOptions(options, environment, command);
  const live = options.flags.has('live');
  if (live && guest.source.whyNotLive !== null) throw new UsageError(guest.source.whyNotLive, command);
  return {
    guest,
    live,
    hostMemory: !options.flags.has('no-host-memory'),
    json: options.flags.has('json'),
    ...symbolsOption(options.values),
  };
}
