import { AbiError, checkTerms, type Translate2Rules, type Translate2Terms } from '../../../abi/index.ts';
import { UsageError } from '../../errors.ts';
import { type AddressFile, type AnswerFormat, parseAddresses, parseFormat } from '../../options/address-options.ts';
import type { CliContext } from '../../options/command.ts';
import { type GuestOptions, parseGuestOptions } from '../../options/guest-options.ts';
import { GUEST_OPTIONS, SCOPE_OPTIONS } from '../../options/option-table.ts';
import { parseNumber } from '../../options/parse-number.ts';
import { parseOptions } from '../../options/parse-options.ts';
import { parseScopeOptions, type ScopeOptions } from '../../options/scope-options.ts';
import { SOURCE_OPTIONS } from '../../options/sources/sources.ts';
import type { WrittenAddress } from '../../options/written-address.ts';

/** @internal */
export const NAME = 'translate';

/** As many pages as a list may have addresses while the guest runs on. */
const MOST_BYTES = 1_048_576n * 4096n;

/** @internal */
export const OPTIONS = {
  from: { value: 'FILE', help: 'take the addresses from a file, one a line, # before comments; - is standard input' },
  'keep-going': { help: 'with --from: say which lines are no address, and answer the others' },
  ...SOURCE_OPTIONS,
  cpu: GUEST_OPTIONS.cpu,
  cr3: SCOPE_OPTIONS.cr3,
  pid: SCOPE_OPTIONS.pid,
  process: SCOPE_OPTIONS.process,
  symbols: SCOPE_OPTIONS.symbols,
  length: { value: 'BYTES', help: 'of so many bytes from each address on, each page' },
  names: { help: "show the symbol of the guest's Linux that each address lies in" },
  set: SCOPE_OPTIONS.set,
  profile: SCOPE_OPTIONS.profile,
  nested: SCOPE_OPTIONS.nested,
  until: SCOPE_OPTIONS.until,
  within: SCOPE_OPTIONS.within,
  live: SCOPE_OPTIONS.live,
  write: { help: 'judge a write; without --write and --exec a read is judged' },
  user: { help: 'judge an access from user mode; without it from supervisor mode' },
  exec: { help: 'judge an instruction fetch' },
  both: {
    help: 'with --write and --exec: judge both, as the KVM_TRANSLATE2 patches do',
  },
  'set-accessed': { help: 'if the access is allowed, set the A bit of every entry used, in guest memory' },
  'set-dirty': { help: 'set the D bit of the last entry too; needs --set-accessed and --write' },
  'force-set-accessed': {
    help: 'if the access fails, set A in the entries above the responsible one; needs --set-accessed',
  },
  brief: { help: 'a line for each address instead of its walk: where it leads, page size, rights; or why not' },
  json: GUEST_OPTIONS.json,
  strict: GUEST_OPTIONS.strict,
  'no-host-memory': SCOPE_OPTIONS['no-host-memory'],
  trace: GUEST_OPTIONS.trace,
  timeout: GUEST_OPTIONS.timeout,
  'max-pause': GUEST_OPTIONS['max-pause'],
} as const;

/** What a `translate` command line asks for. @internal */
export interface TranslateCommandLine extends Translate2Terms {
  readonly guest: GuestOptions;
  readonly scope: ScopeOptions;
  readonly addresses: readonly WrittenAddress[];
  /** Instead of `addresses`. */
  readonly from: AddressFile | undefined;
  readonly format: AnswerFormat;
  /** From each address on; undefined for the address alone. */
  readonly lengthBytes: bigint | undefined;
  /** Show symbols. */
  readonly names: boolean;
}

/**
 * @throws {@link UsageError} `ERR_CLI_USAGE`.
 * @internal
 */
export function parseTranslate(words: readonly string[], environment: CliContext['environment']): TranslateCommandLine {
  const options = parseOptions(words, OPTIONS, NAME);
  const { flags } = options;
  const terms = {
    access: { write: flags.has('write'), user: flags.has('user'), exec: flags.has('exec') },
    flags: {
      setAccessed: flags.has('set-accessed'),
      setDirty: flags.has('set-dirty'),
      forceSetAccessed: flags.has('force-set-accessed'),
    },
  };
  const where = parseAddresses(options, NAME);
  const both = flags.has('both');
  if (both && !(terms.access.write && terms.access.exec)) {
    throw new UsageError('--both needs --write and --exec', NAME);
  }
  if (both && flags.has('brief'))
    throw new UsageError('--brief judges one access: --both needs the tree or --json', NAME);
  requireAllowed(terms, { writeWithExec: both ? 'both' : 'refused' });
  const guest = parseGuestOptions(options, environment, NAME);
  const scope = parseScopeOptions(options, guest, NAME);
  if (terms.flags.setAccessed && guest.source.whyNotWritable !== undefined) {
    throw new UsageError(`--set-accessed: ${guest.source.whyNotWritable}`, NAME);
  }
  if (scope.live && terms.flags.setAccessed) {
    throw new UsageError('--set-accessed needs a paused guest, and --live does not pause it', NAME);
  }
  return {
    ...terms,
    ...where,
    guest,
    scope,
    lengthBytes: parseLength(options.values.get('length'), where.from),
    names: flags.has('names'),
    format: parseFormat(options, 'set-accessed', NAME),
  };
}

function parseLength(text: string | undefined, from: AddressFile | undefined): bigint | undefined {
  if (text === undefined) return undefined;
  if (from !== undefined) throw new UsageError('--length is for addresses of the command line, not for --from', NAME);
  const length = parseNumber(text, '--length', NAME);
  if (length > 0n && length <= MOST_BYTES) return length;
  throw new UsageError(`--length ${JSON.stringify(text)} is not from 1 to ${MOST_BYTES} bytes`, NAME);
}

/** The ioctl's own rules, said with the names of the options: SET_DIRTY is --set-dirty. */
function requireAllowed(terms: Translate2Terms, rules: Translate2Rules): void {
  try {
    checkTerms(terms, rules);
  } catch (error) {
    if (!(error instanceof AbiError)) throw error;
    const message = error.message.replace(
      /[A-Z]+(?:_[A-Z]+)*/g,
      (name) => `--${name.toLowerCase().replaceAll('_', '-')}`,
    );
    throw new UsageError(message, NAME, { cause: error });
  }
}
