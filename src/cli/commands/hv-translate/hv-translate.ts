import { HV_CONTROL, type HvControlName, hvControlProblem } from '../../../abi/index.ts';
import type { ReportedHvTranslation } from '../../../report/index.ts';
import { UsageError } from '../../errors.ts';
import type { CliContext, Command } from '../../options/command.ts';
import { type GuestOptions, parseGuestOptions } from '../../options/guest-options.ts';
import { GUEST_OPTIONS } from '../../options/option-table.ts';
import { parseNumber } from '../../options/parse-number.ts';
import { parseOptions } from '../../options/parse-options.ts';
import { strictStatus } from '../../session/strict-status.ts';
import { askHvTranslate } from './ask-hv-translate.ts';

const NAME = 'hv-translate';

const OPTIONS = {
  qmp: GUEST_OPTIONS.qmp,
  gdb: GUEST_OPTIONS.gdb,
  cpu: GUEST_OPTIONS.cpu,
  validate: { value: 'RWX', help: 'the accesses that must be allowed, all of them: r, w, x, in any combination' },
  'privilege-exempt': { help: 'judge as if CPL were 0; without it and the next two by the CPL of the vCPU' },
  supervisor: { help: 'judge an access from supervisor mode, whatever CPL is' },
  user: { help: 'judge an access from user mode; with --supervisor both must be allowed' },
  'enforce-smap': { help: 'keep SMAP in force whatever RFLAGS.AC is' },
  'override-smap': { help: 'lift SMAP as RFLAGS.AC=1 does; wins over --enforce-smap' },
  'shadow-stack': { help: 'judge reads and writes as shadow-stack accesses' },
  'set-page-table-bits': {
    help: 'set A in the entries passed, in guest memory, also by a walk that fails; D with --validate w',
  },
  ex: { help: 'the output of HvCallTranslateVirtualAddressEx' },
  json: GUEST_OPTIONS.json,
  strict: GUEST_OPTIONS.strict,
  trace: GUEST_OPTIONS.trace,
  timeout: GUEST_OPTIONS.timeout,
  'max-pause': GUEST_OPTIONS['max-pause'],
} as const;

const CONTROL_OF_OPTION: Readonly<Record<string, HvControlName>> = {
  'privilege-exempt': 'privilegeExempt',
  supervisor: 'supervisorAccess',
  user: 'userAccess',
  'enforce-smap': 'enforceSmap',
  'override-smap': 'overrideSmap',
  'shadow-stack': 'shadowStack',
  'set-page-table-bits': 'setPageTableBits',
};
const CONTROL_OF_LETTER: Readonly<Record<string, HvControlName>> = {
  r: 'validateRead',
  w: 'validateWrite',
  x: 'validateExecute',
};

/** What a `hv-translate` command line asks for. @internal */
export interface HvTranslateCommandLine {
  readonly guest: GuestOptions;
  readonly addresses: readonly bigint[];
  /** HV_CONTROL bits. */
  readonly controlFlags: bigint;
  readonly ex: boolean;
  readonly json: boolean;
}

/**
 * @throws {@link UsageError} `ERR_CLI_USAGE`.
 * @internal
 */
export function parseHvTranslate(
  words: readonly string[],
  environment: CliContext['environment'],
): HvTranslateCommandLine {
  const options = parseOptions(words, OPTIONS, NAME);
  const { flags, values, positionals } = options;
  if (positionals.length === 0) throw new UsageError('no address was given', NAME);
  const addresses = positionals.map((text) => parseNumber(text, 'address', NAME));
  const named = [...flags].flatMap((name) => CONTROL_OF_OPTION[name] ?? []);
  const controlFlags = [...parseAccesses(values.get('validate') ?? ''), ...named].reduce(
    (bits, name) => bits | HV_CONTROL[name],
    0n,
  );
  const problem = hvControlProblem(controlFlags);
  if (problem !== null) {
    throw new UsageError(`HV_STATUS_INVALID_PARAMETER: ${problem}; say what must be allowed: --validate rwx`, NAME);
  }
  return {
    addresses,
    controlFlags,
    ex: flags.has('ex'),
    json: flags.has('json'),
    guest: parseGuestOptions(options, environment, NAME),
  };
}

function parseAccesses(letters: string): HvControlName[] {
  return Array.from(letters, (letter) => {
    const name = CONTROL_OF_LETTER[letter];
    if (name === undefined) {
      throw new UsageError(`--validate ${JSON.stringify(letters)} is not made of the letters r, w and x`, NAME);
    }
    return name;
  });
}

async function run(words: readonly string[], context: CliContext): Promise<number> {
  const line = parseHvTranslate(words, context.environment);
  const answers = await askHvTranslate(line, context);
  await context.print(await formatAnswers(answers, line, context));
  const status = answers.every(({ answer }) => answer.name === 'Success') ? 0 : 1;
  const assumed = answers.flatMap(({ assumed }) => assumed);
  return strictStatus(status, line.guest.strict, assumed, context);
}

async function formatAnswers(
  answers: readonly ReportedHvTranslation[],
  { json }: HvTranslateCommandLine,
  context: CliContext,
): Promise<string> {
  const { encodeHvTranslation, formatHvTranslation } = await import('../../../report/index.ts');
  if (json) return answers.map((each) => `${encodeHvTranslation(each)}\n`).join('');
  const { chooseStyle } = await import('../../io/choose-style.ts');
  const style = chooseStyle(context);
  return answers.map((each) => formatHvTranslation(each, style)).join('\n');
}

/** @internal */
export const hvTranslateCommand: Command = {
  name: NAME,
  synopsis: 'ADDRESS... --validate RWX --qmp ENDPOINT [OPTION...]',
  description:
    'Answers as the hypercall HvCallTranslateVirtualAddress would: one result code for all the accesses that are to be\n' +
    'validated, the guest physical page, and how it is cached, by PAT, MTRRs and CR0.CD. Shows the walk that decided, and the\n' +
    "bytes of the hypercall's output. The guest is paused for some milliseconds, and then runs on if it ran before.",
  options: OPTIONS,
  run,
};
