import { UsageError } from '../../errors.ts';
import type { OptionTable } from '../option-row.ts';
import type { ParsedOptions } from '../parse-options.ts';
import { DUMP_SOURCE } from './dump-file.ts';
import type { CommandLineSource, NamedGuest } from './named-guest.ts';
import { QEMU_SOURCE } from './qemu-source.ts';

/** Every source that a command line can name: the one list, to which a new source adds itself. */
const SOURCES: readonly CommandLineSource[] = [QEMU_SOURCE, DUMP_SOURCE];

/** The options that say where the guest is, of all sources. @internal */
export const SOURCE_OPTIONS: OptionTable = Object.assign({}, ...SOURCES.map(({ options }) => options));

/**
 * The guest that a command line names.
 *
 * @throws {@link UsageError} `ERR_CLI_USAGE` where it names none, or two.
 * @internal
 */
export function parseSource(
  parsed: ParsedOptions,
  environment: Readonly<Record<string, string | undefined>>,
  command: string,
): NamedGuest {
  // What the environment names counts where the command line names nothing.
  const meant = SOURCES.filter(({ options }) => Object.keys(options).some((name) => parsed.values.has(name)));
  const named = (meant.length === 0 ? SOURCES : meant).flatMap(
    (source) => source.parse(parsed, environment, command) ?? [],
  );
  const [guest, another] = named;
  const ways = SOURCES.map(({ usage }) => usage).join(', or ');
  if (guest === undefined) throw new UsageError(`no endpoint: say where the guest is with ${ways}`, command);
  if (another !== undefined) throw new UsageError(`two guests were named: take one of ${ways}`, command);
  return guest;
}
