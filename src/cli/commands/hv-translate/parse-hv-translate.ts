import {
  AbiError,
  decodeHvTranslateInput,
  HV_CALL,
  HV_CONTROL,
  HV_SELF,
  type HvControlName,
  type HvTranslateInput,
  hvControlProblem,
  inputVtlFlags,
} from '../../../abi/index.ts';
import { formatHvControlProblem } from '../../../report/index.ts';
import { UsageError } from '../../errors.ts';
import { type AddressOptions, type AnswerFormat, parseAddresses, parseFormat } from '../../options/address-options.ts';
import type { CliContext } from '../../options/command.ts';
import { type GuestOptions, parseGuestOptions } from '../../options/guest-options.ts';
import { GUEST_OPTIONS, SCOPE_OPTIONS } from '../../options/option-table.ts';
import { parseNumber } from '../../options/parse-number.ts';
import { type ParsedOptions, parseOptions } from '../../options/parse-options.ts';
import { parseScopeOptions, type ScopeOptions } from '../../options/scope-options.ts';
import { SOURCE_OPTIONS } from '../../options/sources/sources.ts';
import { listPages, type PageRule, parsePageRule, parsePages } from './page-rules.ts';
import { parseBytes } from './parse-bytes.ts';
import { parseVtl, parseVtls, type VtlQuestion } from './vtl-options.ts';

/** @internal */
export const NAME = 'hv-translate';

/** @internal */
export const OPTIONS = {
  from: { value: 'FILE', help: 'take the addresses from a file, one a line, # before comments; - is standard input' },
  'keep-going': { help: 'with --from: say which lines are no address, and answer the others' },
  input: {
    value: 'HEX',
    help: 'replay a captured input: 32 bytes, or a page that starts with them; @FILE for a file of bytes',
  },
  decode: {
    value: 'HEX',
    help: 'explain an output (16 bytes, of Ex 56 or more, or a page) or an input (32); no guest is asked',
  },
  ...SOURCE_OPTIONS,
  cpu: { ...GUEST_OPTIONS.cpu, help: 'vCPU whose registers count; 0, or VpIndex of --input, when not given' },
  validate: { value: 'RWX', help: 'the accesses that must be allowed, all of them: r, w, x, in any combination' },
  'privilege-exempt': { help: 'check no access mode: neither U/S nor SMEP, SMAP, LASS' },
  supervisor: { help: 'judge an access from supervisor mode; without it and --user CPL decides' },
  user: { help: 'judge an access from user mode; with --supervisor both must be allowed' },
  'enforce-smap': { help: 'keep SMAP in force whatever RFLAGS.AC is' },
  'override-smap': { help: 'lift SMAP as RFLAGS.AC=1 does; wins over --enforce-smap' },
  'shadow-stack': { help: 'judge reads and writes as shadow-stack accesses' },
  'set-page-table-bits': {
    help: 'set A in the entries passed, in guest memory, also by a walk that fails; D with --validate w',
  },
  'tlb-flush-inhibit': {
    help: 'TLB_FLUSH_INHIBIT: a success says that it would hold flushes back; QEMU has none to hold',
  },
  'control-flags': {
    value: 'HEX',
    help: 'HV_TRANSLATE_GVA_CONTROL_FLAGS as a number, beside what the options above name',
  },
  ex: { help: 'HvCallTranslateVirtualAddressEx: its output, with the event of an Intercept' },
  vtl: {
    value: 'N',
    repeats: true,
    help: 'the --set and --cr3 that follow are the registers of VTL N; again for another VTL',
  },
  'input-vtl': { value: 'N', help: "INPUT_VTL: the VTL that is asked about; the caller's own when not given" },
  'caller-vtl': { value: 'N', help: 'the VTL that makes the hypercall; the highest that was named when not given' },
  protect: {
    value: 'PAGE=RIGHTS',
    repeats: true,
    help: "rights of GPA page PAGE or FIRST-LAST: r, w, x, or - for none; …@N: VTL N's protection",
  },
  overlay: { value: 'PAGE', repeats: true, help: 'GPA page PAGE, or FIRST-LAST, is an overlay page' },
  // One for each VTL.
  cr3: { ...SCOPE_OPTIONS.cr3, repeats: true },
  pid: SCOPE_OPTIONS.pid,
  process: SCOPE_OPTIONS.process,
  symbols: SCOPE_OPTIONS.symbols,
  set: SCOPE_OPTIONS.set,
  profile: SCOPE_OPTIONS.profile,
  nested: SCOPE_OPTIONS.nested,
  until: SCOPE_OPTIONS.until,
  within: SCOPE_OPTIONS.within,
  live: SCOPE_OPTIONS.live,
  brief: { help: 'a line for each address instead of its walk: where it leads, result, cache type' },
  json: GUEST_OPTIONS.json,
  strict: GUEST_OPTIONS.strict,
  'no-host-memory': SCOPE_OPTIONS['no-host-memory'],
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
  'tlb-flush-inhibit': 'tlbFlushInhibit',
};
const CONTROL_OF_LETTER: Readonly<Record<string, HvControlName>> = {
  r: 'validateRead',
  w: 'validateWrite',
  x: 'validateExecute',
};
/** What an input has in it already. */
const IN_INPUT = ['validate', 'control-flags', 'input-vtl', 'from', 'keep-going', ...Object.keys(CONTROL_OF_OPTION)];

/** What a `hv-translate` command line asks of a guest. @internal */
export interface HvTranslateCommandLine extends AddressOptions {
  readonly guest: GuestOptions;
  readonly scope: ScopeOptions;
  /** HV_CONTROL bits, and the input VTL. */
  readonly controlFlags: bigint;
  readonly vtl: VtlQuestion;
  /** The input that is replayed names the vCPU. */
  readonly isVpFromInput: boolean;
  readonly overlayPages: readonly bigint[];
  readonly pageRules: readonly PageRule[];
  readonly ex: boolean;
  readonly format: AnswerFormat;
  readonly command: string;
}

/**
 * @throws {@link UsageError} `ERR_CLI_USAGE`; InputFileError `ERR_CLI_INPUT_FILE`.
 * @internal
 */
export function parseHvTranslate(
  words: readonly string[],
  environment: CliContext['environment'],
): HvTranslateCommandLine {
  const options = parseOptions(words, OPTIONS, NAME);
  const ex = options.flags.has('ex');
  const input = parseInput(options, ex);
  const controlFlags = input?.controlFlags ?? parseControlFlags(options);
  const problem = hvControlProblem(controlFlags);
  if (problem !== null) {
    const isForgotten = problem.code === 'nothing-to-validate' && input === null;
    const advice = isForgotten ? '; say what must be allowed: --validate rwx' : '';
    throw new UsageError(`HV_STATUS_INVALID_PARAMETER: ${formatHvControlProblem(problem)}${advice}`, NAME);
  }
  const where: AddressOptions =
    input === null
      ? parseAddresses(options, NAME)
      : { addresses: [{ kind: 'number' as const, value: input.gvaPage << 12n }], from: undefined };
  const own = refusedByAbi(() => parseVtls(words, options, OPTIONS, controlFlags, NAME));
  const isVpFromInput = input !== null && input.vpIndex !== HV_SELF.vpIndex && !options.values.has('cpu');
  const named = parseGuestOptions(options, environment, NAME);
  const guest = isVpFromInput ? { ...named, cpu: input.vpIndex } : named;
  const scope = parseScopeOptions(own.options, guest, NAME);
  const setsBits = (controlFlags & HV_CONTROL.setPageTableBits) !== 0n;
  if (setsBits && guest.source.whyNotWritable !== undefined) {
    throw new UsageError(`HV_TRANSLATE_GVA_SET_PAGE_TABLE_BITS: ${guest.source.whyNotWritable}`, NAME);
  }
  if (scope.live && setsBits) {
    throw new UsageError('bits of page tables are set in a paused guest, and --live does not pause it', NAME);
  }
  const list = (name: string) => options.lists.get(name) ?? [];
  return {
    ...where,
    guest,
    scope,
    controlFlags,
    vtl: own.question,
    isVpFromInput,
    overlayPages: listPages(
      list('overlay').map((text) => parsePages(text, '--overlay', NAME)),
      '--overlay',
      NAME,
    ),
    pageRules: list('protect').map((text) => parsePageRule(text, NAME)),
    ex,
    format: parseFormat(options, 'set-page-table-bits', NAME),
    command: NAME,
  };
}

function parseInput({ values, lists, flags, positionals }: ParsedOptions, ex: boolean): HvTranslateInput | null {
  const text = values.get('input');
  if (text === undefined) return null;
  const double = IN_INPUT.find((name) => values.has(name) || flags.has(name) || lists.has(name));
  if (double !== undefined)
    throw new UsageError(`--input has it all in its bytes, and --${double} was given too`, NAME);
  const [stray] = positionals;
  if (stray !== undefined) {
    throw new UsageError(`--input has the address in its bytes, and ${JSON.stringify(stray)} was given too`, NAME);
  }
  const bytes = parseBytes(text, '--input', NAME);
  return refusedByAbi(() =>
    decodeHvTranslateInput(bytes, ex ? HV_CALL.translateVirtualAddressEx : HV_CALL.translateVirtualAddress),
  );
}

function parseControlFlags({ flags, values }: ParsedOptions): bigint {
  const number = values.get('control-flags');
  const vtl = values.get('input-vtl');
  const names = [
    ...parseAccesses(values.get('validate') ?? ''),
    ...[...flags].flatMap((name) => CONTROL_OF_OPTION[name] ?? []),
  ];
  const given = number === undefined ? 0n : parseNumber(number, '--control-flags', NAME);
  const inputVtl = vtl === undefined ? 0n : inputVtlFlags(parseVtl(vtl, '--input-vtl', NAME));
  if (inputVtl !== 0n && given >> 56n !== 0n) {
    throw new UsageError('--control-flags and --input-vtl both name a VTL', NAME);
  }
  return names.reduce((bits, name) => bits | HV_CONTROL[name], given | inputVtl);
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

/** What the hypercall would refuse is a wrong command line. */
function refusedByAbi<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof AbiError)) throw error;
    throw new UsageError(error.message, NAME, { cause: error });
  }
}
