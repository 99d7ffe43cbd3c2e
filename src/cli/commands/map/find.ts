import { formatHex } from '../../../paging/index.ts';
import { chooseStyle } from '../../io/choose-style.ts';
import type { CliContext, Command } from '../../options/command.ts';
import type { AddressRange } from '../../options/parse-range.ts';
import { describeOff } from '../../picture/snapshot-notes.ts';
import { complainOfRomTables } from '../../session/complain-of-rom-tables.ts';
import { strictStatus } from '../../session/strict-status.ts';
import { type TakenSnapshot, takeSnapshot } from '../../session/take-snapshot.ts';
import type { FoundAlias, FoundAliases } from './found-aliases.ts';
import { type FindCommandLine, NAME, OPTIONS, parseFind } from './parse-find.ts';
import { searchSnapshot } from './search-snapshot.ts';

/** A page that tables map time and again, such as a page of zeros, can have any number. */
const LIMIT = 100_000;
/** Exit statuses: nothing leads there; not everything was looked through. */
const NOTHING = 1;
const INCOMPLETE = 5;

async function run(words: readonly string[], context: CliContext): Promise<number> {
  const line = parseFind(words, context.environment);
  if (line.processes) {
    const { findInProcesses } = await import('./find-in-processes.ts');
    return printAliases(await findInProcesses(line, LIMIT, context), line, context);
  }
  return printAliases(search(await takeSnapshot({ ...line, command: NAME }, context), line, context), line, context);
}

function search(
  { snapshot, assumed, areas, range, physical }: TakenSnapshot,
  { guest, l2 }: FindCommandLine,
  context: CliContext,
): FoundAliases {
  if (physical === null) throw new RangeError('a search for nothing');
  if (!snapshot.isPaged) context.complain(`pagewalk: ${describeOff(guest.cpu)}`);
  const { aliases, incomplete } = searchSnapshot(snapshot, { physical, range, l2, limit: LIMIT });
  return {
    aliases: aliases.map((alias) => ({
      alias,
      names: areas === null ? {} : { areas: areas.over(alias.first, alias.last) },
      mode: snapshot.context.mode,
    })),
    range,
    physical,
    incomplete: incomplete === null ? [] : [incomplete],
    rootReadable: snapshot.isRootReadable,
    assumed,
    tablesInRom: snapshot.tablesInRom,
    isNested: snapshot.nested !== null,
  };
}

async function printAliases(
  { aliases, range, physical, incomplete, rootReadable, assumed, tablesInRom, isNested }: FoundAliases,
  { guest, l2, json }: FindCommandLine,
  context: CliContext,
): Promise<number> {
  const { encodeAlias, encodeAliasEnd, formatAlias, formatAssumption } = await import('../../../report/index.ts');
  const style = chooseStyle(context);
  const space = !isNested ? null : l2 ? 'L2' : 'L1';
  const show = ({ alias, names, mode }: FoundAlias): string =>
    json ? `${encodeAlias(alias, space, names)}\n` : formatAlias(alias, mode, style, space, names);
  const notes = json ? [] : assumed.map((each) => `${style.mark(`! assumed: ${formatAssumption(each)}`)}\n`);
  const complete = incomplete.length === 0;
  const count = aliases.length;
  const end = json ? [`${encodeAliasEnd({ complete, count, rootReadable, assumed })}\n`] : [];
  await context.print([...notes, ...aliases.map(show), ...end].join(''));
  complainOfRomTables(tablesInRom, context);
  for (const sentence of incomplete) context.complain(`pagewalk: ${sentence}`);
  if (complete && count === 0)
    context.complain(
      `pagewalk: no linear address${within(range)} leads to ${space === null ? '' : `${space} physical `}${formatRange(physical)}`,
    );
  const status = complete ? (count === 0 ? NOTHING : 0) : INCOMPLETE;
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
  synopsis: '{PHYSICAL | SYMBOL} --qmp ENDPOINT [OPTION...]',
  description:
    'Finds every linear address of an address space that leads to a guest physical address (0x120123), or to any of a range\n' +
    '(0x120000-0x120fff, 0x120000+0x1000), with the rights that all levels together leave: r w x u are read, write, execute,\n' +
    'user; G is global. A symbol or a register stands for the physical address that it leads to. The exit status is 1 if no\n' +
    'address leads there, and 5 if the search is incomplete.\n' +
    '\n' +
    "While the vCPU runs a nested guest (L2), linear addresses are that guest's. PHYSICAL is L1 physical, in the memory of\n" +
    'its hypervisor (L1), and looked for through both stages; with --l2 it is L2 physical, and looked for in the tables of\n' +
    'the nested guest alone, with the rights that these leave.',
  options: OPTIONS,
  run,
};
