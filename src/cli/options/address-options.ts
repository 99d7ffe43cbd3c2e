import { UsageError } from '../errors.ts';
import type { ParsedOptions } from './parse-options.ts';
import { parseWrittenAddress, type WrittenAddress } from './written-address.ts';

/** A list of addresses that is yet to be read. @internal */
export interface AddressFile {
  /** `-` is standard input. */
  readonly file: string;
  readonly keepGoing: boolean;
}

/** How answers are shown. @internal */
export type AnswerFormat = 'tree' | 'brief' | 'json';

/** The addresses that a command line names, or where to read them. @internal */
export interface AddressOptions {
  readonly addresses: readonly WrittenAddress[];
  /** Instead of `addresses`. */
  readonly from: AddressFile | undefined;
}

/**
 * Addresses of the command line, or `--from` and `--keep-going`.
 *
 * @throws {@link UsageError} `ERR_CLI_USAGE` for both, or neither.
 * @internal
 */
export function parseAddresses({ positionals, values, flags }: ParsedOptions, command: string): AddressOptions {
  const file = values.get('from');
  if (file === undefined) {
    if (positionals.length === 0) throw new UsageError('no address was given', command);
    if (flags.has('keep-going')) throw new UsageError('--keep-going needs --from', command);
    return { addresses: positionals.map((text) => parseWrittenAddress(text, command)), from: undefined };
  }
  const [stray] = positionals;
  if (stray !== undefined) {
    throw new UsageError(
      `addresses come from ${file} or from the command line, which has ${JSON.stringify(stray)}`,
      command,
    );
  }
  return { addresses: [], from: { file, keepGoing: flags.has('keep-going') } };
}

/**
 * `--brief`, `--json` or neither.
 *
 * @param writes - the option that has bits set, which a line does not show
 * @throws {@link UsageError} `ERR_CLI_USAGE`.
 * @internal
 */
export function parseFormat({ flags }: ParsedOptions, writes: string, command: string): AnswerFormat {
  if (!flags.has('brief')) return flags.has('json') ? 'json' : 'tree';
  if (flags.has('json')) throw new UsageError('--brief and --json exclude each other', command);
  if (flags.has(writes)) {
    throw new UsageError(`--brief does not show which bits were set: take --json with --${writes}`, command);
  }
  return 'brief';
}
