import { AbiError, checkTerms, type Translate2Terms } from '../abi/index.ts';
import type { GuestTranslation } from '../guest/index.ts';
import type { ReportedAddressSpace } from '../report/index.ts';
import type { CliContext, Command } from './command.ts';
import { UsageError } from './errors.ts';
import { type GuestOptions, parseGuestOptions } from './guest-options.ts';
import { GUEST_OPTIONS } from './option-table.ts';
import { parseNumber } from './parse-number.ts';
import { parseOptions } from './parse-options.ts';
import { withGuest } from './with-guest.ts';

const NAME = 'translate';

const OPTIONS = {
  qmp: GUEST_OPTIONS.qmp,
  gdb: GUEST_OPTIONS.gdb,
  cpu: GUEST_OPTIONS.cpu,
  cr3: { value: 'VALUE', help: "walk this address space instead of the vCPU's own" },
  write: { help: 'judge a write; without --write and --exec a read is judged' },
  user: { help: 'judge an access from user mode; without it from supervisor mode' },
  exec: { help: 'judge an instruction fetch' },
  'set-accessed': { help: 'if the access is allowed, set the A bit of every entry used, in guest memory' },
  'set-dirty': { help: 'set the D bit of the last entry too; needs --set-accessed and --write' },
  'force-set-accessed': {
    help: 'if the access fails, set A in the entries above the responsible one; needs --set-accessed',
  },
  json: GUEST_OPTIONS.json,
  trace: GUEST_OPTIONS.trace,
  timeout: GUEST_OPTIONS.timeout,
} as const;

/** What a `translate` command line asks for. @internal */
export interface TranslateCommandLine extends Translate2Terms {
  readonly guest: GuestOptions;
  readonly addresses: readonly bigint[];
  readonly cr3: bigint | undefined;
  readonly json: boolean;
}

/**
 * @throws {@link UsageError} `ERR_CLI_USAGE`.
 * @internal
 */
export function parseTranslate(words: readonly string[], environment: CliContext['environment']): TranslateCommandLine {
  const options = parseOptions(words, OPTIONS, NAME);
  const { flags, values, positionals } = options;
  if (positionals.length === 0) throw new UsageError('no address was given', NAME);
  const addresses = positionals.map((text) => parseNumber(text, 'address', NAME));
  const cr3 = values.get('cr3');
  const terms = {
    access: { write: flags.has('write'), user: flags.has('user'), exec: flags.has('exec') },
    flags: {
      setAccessed: flags.has('set-accessed'),
      setDirty: flags.has('set-dirty'),
      forceSetAccessed: flags.has('force-set-accessed'),
    },
  };
  requireAllowed(terms);
  return {
    ...terms,
    addresses,
    cr3: cr3 === undefined ? undefined : parseNumber(cr3, '--cr3', NAME),
    json: flags.has('json'),
    guest: parseGuestOptions(options, environment, NAME),
  };
}

/** The ioctl's own rules, said with the names of the options: SET_DIRTY is --set-dirty. */
function requireAllowed(terms: Translate2Terms): void {
  try {
    checkTerms(terms);
  } catch (error) {
    if (!(error instanceof AbiError)) throw error;
    const message = error.message.replace(
      /[A-Z]+(?:_[A-Z]+)*/g,
      (name) => `--${name.toLowerCase().replaceAll('_', '-')}`,
    );
    throw new UsageError(message, NAME, { cause: error });
  }
}

/** What a guest answered, all of it at one moment. */
interface Answers {
  readonly translations: readonly GuestTranslation[];
  readonly space: ReportedAddressSpace;
}

async function ask(line: TranslateCommandLine, context: CliContext): Promise<Answers> {
  const { access, flags, addresses, cr3 } = line;
  const { cpu } = line.guest;
  return withGuest(line.guest, context, async (paused, guest) => {
    const requests = addresses.map((linearAddress) => ({ linearAddress, access, flags }));
    const translations = await paused.translate(requests, cr3 === undefined ? { cpu } : { cpu, cr3 });
    const own = (await paused.vcpuState(cpu)).cr3.value;
    const notes = guest.runStateNote === '' ? [] : [guest.runStateNote];
    return {
      translations: translations.map((each) => ({ ...each, assumed: [...each.assumed, ...notes] })),
      space: { cr3: cr3 ?? own, given: cr3 !== undefined },
    };
  });
}

async function run(words: readonly string[], context: CliContext): Promise<number> {
  const line = parseTranslate(words, context.environment);
  const { translations, space } = await ask(line, context);
  context.print(await formatAnswers(line, { translations, space }, context));
  return translations.every(({ translation }) => translation.kind === 'mapped') ? 0 : 1;
}

async function formatAnswers(
  { json }: TranslateCommandLine,
  { translations, space }: Answers,
  context: CliContext,
): Promise<string> {
  const { encodeTranslation, formatTranslation } = await import('../report/index.ts');
  if (json) return translations.map((each) => `${encodeTranslation(each)}\n`).join('');
  const { chooseStyle } = await import('./choose-style.ts');
  const style = chooseStyle(context);
  return translations.map((each) => formatTranslation(each, space, style)).join('\n');
}

/** @internal */
export const translateCommand: Command = {
  name: NAME,
  synopsis: 'ADDRESS... --qmp ENDPOINT [OPTION...]',
  description:
    'Walks the page tables of a running guest for each address and shows every entry on the way, where it ends, and if the\n' +
    'access is not allowed, why not and which entry is responsible. Addresses: 0xffff800000105123, with _ or ` between\n' +
    'digits, or decimal. The guest is paused for some milliseconds, and then runs on if it ran before.',
  options: OPTIONS,
  run,
};
