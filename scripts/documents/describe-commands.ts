import { COMMANDS } from '../../src/cli/commands.ts';
import { formatCommandHelp } from '../../src/cli/help.ts';
import type { OptionTable } from '../../src/cli/options/option-row.ts';
import { GUEST_OPTIONS, SCOPE_OPTIONS } from '../../src/cli/options/option-table.ts';

/** The options that several commands share, by the name of their group. */
export const SHARED_OPTIONS: Readonly<Record<string, OptionTable>> = { guest: GUEST_OPTIONS, scope: SCOPE_OPTIONS };

const WIDTH = 120;

/** Whether several commands have this option, with the same words. */
function isShared(name: string, help: string): boolean {
  return Object.values(SHARED_OPTIONS).some((table) => Object.hasOwn(table, name) && table[name]?.help === help);
}

/** The help of a command, where options that are described once for all are names. @throws Error for no command */
export async function formatUsage(name: string): Promise<string> {
  const entry = COMMANDS.find((each) => each.name === name);
  if (entry === undefined) throw new Error(`there is no command ${JSON.stringify(name)}`);
  const command = await entry.load();
  const options = Object.entries(command.options);
  const own = options.filter(([option, { help }]) => !isShared(option, help));
  const shared = options.filter(([option, { help }]) => isShared(option, help)).map(([option]) => `--${option}`);
  const text = formatCommandHelp({ ...command, options: Object.fromEntries(own) }).trimEnd();
  return `${text}\n\n${fill('  as for most commands:', shared)}`;
}

function fill(beginning: string, words: readonly string[]): string {
  const lines = [beginning];
  for (const word of words) {
    if (`${lines.at(-1)} ${word}`.length > WIDTH) lines.push(' '.repeat(beginning.length));
    lines.push(`${lines.pop()} ${word}`);
  }
  return `${lines.join('\n')}\n`;
}

/** A group of shared options, in the form of the help. @throws Error for no group */
export function formatSharedOptions(group: string): string {
  const options = SHARED_OPTIONS[group];
  if (options === undefined) throw new Error(`there is no group of options ${JSON.stringify(group)}`);
  const [, , , , ...lines] = formatCommandHelp({ name: '', synopsis: '', description: '', options, run }).split('\n');
  return lines.join('\n');
}

function run(): Promise<number> {
  throw new Error('a group of options is no command');
}

/** All commands as a table, in the order of the help. */
export function formatCommandTable(): string {
  const rows = COMMANDS.map(({ name, summary }) => ({
    left: `[\`${name}\`](docs/commands.md#pagewalk-${name})`,
    summary,
  }));
  const width = Math.max(...rows.map(({ left }) => left.length));
  const widest = Math.max(...rows.map(({ summary }) => summary.length));
  const line = (left: string, right: string) => `| ${left.padEnd(width)} | ${right.padEnd(widest)} |\n`;
  return [
    line('command', 'what it shows'),
    line('-'.repeat(width), '-'.repeat(widest)),
    ...rows.map(({ left, summary }) => line(left, summary)),
  ].join('');
}
