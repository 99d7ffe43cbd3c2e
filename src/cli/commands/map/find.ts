import { type Alias, formatHex } from '../../../paging/index.ts';
import { UsageError } from '../../errors.ts';
import { chooseStyle } from '../../io/choose-style.ts';
import type { CliContext, Command } from '../../options/command.ts';
import { type GuestOptions, parseGuestOptions } from '../../options/guest-options.ts';
import { GUEST_OPTIONS, SCOPE_OPTIONS } from '../../options/option-table.ts';
import { parseNumber } from '../../options/parse-number.ts';
import { parseOptions } from '../../options/parse-options.ts';
import { type AddressRange, parseRange } from '../../options/parse-range.ts';
import { parseScopeOptions, type ScopeOptions } from '../../options/scope-options.ts';
import { complainOfRomTables } from '../../session/complain-of-rom-tables.ts';
import { strictStatus } from '../../session/strict-status.ts';
import { type TakenSnapshot, takeSnapshot } from '../../session/take-snapshot.ts';
import { describeOff, describeRoot } from './print-map.ts';

const NAME = 'find';

/** A page that tables map time and again, such as a page of zeros, can have any number. */
const LIMIT = 100_000;
const PHYSICAL_END = 1n << 52n;
/** Exit statuses: nothing leads there; there is more than was looked for. */
const NOTHING = 1;
const STOPPED = 5;

const OPTIONS = {
  l2: { help: 'PHYSICAL is an L2 physical address, in the memory of the nested guest; else L1 physical' },
  range: { value: 'FIRST-LAST', help: 'look only among these linear addresses; FIRST+SIZE does as well' },
  ...GUEST_OPTIONS,
  ...SCOPE_OPTIONS,
} as const;

/** What a `find` command line asks for. @internal */
export interface FindCommandLine {
  readonly guest: GuestOptions;
  readonly scope: ScopeOptions;
  readonly physical: AddressRange;
  readonly range: Partial<AddressRange>;
  /** The physical addresses are the nested guest's own. */
  readonly l2: boolean;
  readonly json: boolean;
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
  return {
    guest,
    scope: parseScopeOptions(options, guest, NAME),
    physical: parsePhysical(text.replace(/^phys:/i, '')),
    range: range === undefined ? {} : parseRange(range, '--range', NAME),
    l2: flags.has('l2'),
    json: flags.has('json'),
  };
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

async function run(words: readonly string[], context: CliContext): Promise<number> {
  const line = parseFind(words, context.environment);
  return printAliases(await takeSnapshot({ ...line, command: NAME }, context), line, context);
}

async function printAliases(
  { snapshot, assumed }: TakenSnapshot,
  { guest, physical, range, l2, json }: FindCommandLine,
  context: CliContext,
): Promise<number> {
  const { encodeAlias, encodeAliasEnd, formatAlias, formatAssumption } = await import('../../../report/index.ts');
  const style = chooseStyle(context);
  if (!snapshot.isPaged) context.complain(`pagewalk: ${describeOff(guest.cpu)}`);
  complainOfRomTables(snapshot.tablesInRom, context);
  const found: Alias[] = [];
  const space = snapshot.nested === null ? null : l2 ? 'L2' : 'L1';
  const take = (alias: Alias): boolean => found.push(alias) < LIMIT;
  const { complete } = l2 ? snapshot.l2Aliases(physical, take, range) : snapshot.aliases(physical, take, range);
  const show = (alias: Alias): string => (json ? `${encodeAlias(alias, space)}\n` : formatAlias(alias, style, space));
  const notes = json ? [] : assumed.map((each) => `${style.mark(`! assumed: ${formatAssumption(each)}`)}\n`);
  const rootReadable = snapshot.isRootReadable;
  const end = json ? [`${encodeAliasEnd({ complete, count: found.length, rootReadable })}\n`] : [];
  await context.print([...notes, ...found.map(show), ...end].join(''));
  if (!rootReadable) context.complain(`pagewalk: ${describeRoot(snapshot)}`);
  else if (!complete) context.complain(`pagewalk: stopped after ${found.length} places: look in a part with --range`);
  else if (found.length === 0)
    context.complain(
      `pagewalk: no linear address${within(range)} leads to ${space === null ? '' : `${space} physical `}${formatRange(physical)}`,
    );
  const status = complete ? (found.length === 0 ? NOTHING : 0) : STOPPED;
  return strictStatus(status, guest.strict, assumed, context);
}

function within({ first, last }: Partial<AddressRange>): string {
  return first === undefined || last === undefined ? '' : ` from ${formatHex(first)} to ${formatHex(last)}`;
}

function formatRange({ first, last }: AddressRange): string {
  return first === last ? formatHex(first) : `${formatHex(first)}-${formatHex(last)}`;
}

/** @internal */
export const findCommand: Command = {
  name: NAME,
  synopsis: 'PHYSICAL --qmp ENDPOINT [OPTION...]',
  description:
    'Finds every linear address of an address space that leads to a guest physical address (0x120123), or to any of a range\n' +
    '(0x120000-0x120fff, 0x120000+0x1000), with the rights that all levels together leave: r w x u are read, write, execute,\n' +
    'user; G is global. The exit status is 1 if no address leads there, and 5 if the search was stopped.\n' +
    '\n' +
    "While the vCPU runs a nested guest (L2), linear addresses are that guest's. PHYSICAL is L1 physical, in the memory of\n" +
    'its hypervisor (L1), and looked for through both stages; with --l2 it is L2 physical, and looked for in the tables of\n' +
    'the nested guest alone, with the rights that these leave.',
  options: OPTIONS,
  run,
};
