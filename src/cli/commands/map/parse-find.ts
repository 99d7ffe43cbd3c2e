import { UsageError } from '../../errors.ts';
import type { CliContext } from '../../options/command.ts';
import { type GuestOptions, parseGuestOptions } from '../../options/guest-options.ts';
import { GUEST_OPTIONS, SCOPE_OPTIONS } from '../../options/option-table.ts';
import { parseNumber } from '../../options/parse-number.ts';
import { parseOptions } from '../../options/parse-options.ts';
import { type AddressRange, parseRange } from '../../options/parse-range.ts';
import { parseScopeOptions, type ScopeOptions } from '../../options/scope-options.ts';
import { parseWrittenAddress, type WrittenAddress } from '../../options/written-address.ts';
import { parseWrittenRange, type WrittenRange } from '../../options/written-range.ts';

/** @internal */
export const NAME = 'find';

const PHYSICAL_END = 1n << 52n;

/** @internal */
export const OPTIONS = {
  l2: { help: 'PHYSICAL is an L2 physical address, in the memory of the nested guest; else L1 physical' },
  processes: { help: "look in every process of the guest's Linux, and say whose each address is" },
  names: { help: "say what the guest's Linux keeps at each address; --processes and --pid do it too" },
  range: { value: 'FIRST-LAST', help: 'look only among these linear addresses; or FIRST+SIZE, or a symbol' },
  ...GUEST_OPTIONS,
  ...SCOPE_OPTIONS,
} as const;

/** What a `find` command line asks for. @internal */
export interface FindCommandLine {
  readonly guest: GuestOptions;
  readonly scope: ScopeOptions;
  readonly physical: AddressRange | WrittenAddress;
  /** Null for everything. */
  readonly range: WrittenRange | null;
  /** The physical addresses are the nested guest's own. */
  readonly l2: boolean;
  readonly json: boolean;
  /** Show what Linux keeps where. */
  readonly names: boolean;
  /** Look in every process. */
  readonly processes: boolean;
}

/**
 * @throws {@link UsageError} `ERR_CLI_USAGE`.
 * @internal
 */
export function parseFind(words: readonly string[], environment: CliContext['environment']): FindCommandLine {
  const options = parseOptions(words, OPTIONS, NAME);
  const { flags, values, positionals } = options;
  const [text, stray] = positionals;
  if (text === undefined) throw new UsageError('no physical address was given', NAME);
  if (stray !== undefined) {
    throw new UsageError(`one physical address or range at a time; ${JSON.stringify(stray)} is another`, NAME);
  }
  const range = values.get('range');
  const guest = parseGuestOptions(options, environment, NAME);
  const scope = parseScopeOptions(options, guest, NAME);
  const processes = flags.has('processes');
  const one =
    ['cr3', 'pid', 'process', 'nested'].find((name) => values.has(name)) ?? (flags.has('l2') ? 'l2' : undefined);
  if (processes && one !== undefined)
    throw new UsageError(`--processes looks in every process, and --${one} names an address space`, NAME);
  return {
    guest,
    scope,
    processes,
    names: flags.has('names') || processes || scope.process !== undefined || scope.symbolsFile !== undefined,
    physical: parseWanted(text),
    range: range === undefined ? null : parseWrittenRange(range, '--range', NAME),
    l2: flags.has('l2'),
    json: flags.has('json'),
  };
}

/** A name or a register is a linear address: what it leads to is looked for. */
function parseWanted(text: string): AddressRange | WrittenAddress {
  const written = /^(?:phys:|[-+0-9])/i.test(text) ? null : parseWrittenAddress(text, NAME);
  const isLinear = written?.kind === 'symbol' || written?.kind === 'register';
  return isLinear ? written : parsePhysical(text.replace(/^phys:/i, ''));
}

function parsePhysical(text: string): AddressRange {
  const isRange = /[^-+][-+]/.test(text);
  const one = isRange ? 0n : parseNumber(text, 'physical address', NAME);
  const range = isRange ? parseRange(text, 'physical range', NAME) : { first: one, last: one };
  if (range.last >= PHYSICAL_END) {
    throw new UsageError(`physical addresses have at most 52 bits, and ${JSON.stringify(text)} has more`, NAME);
  }
  return range;
}
