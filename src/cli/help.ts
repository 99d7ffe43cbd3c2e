import type { Command, CommandEntry } from './options/command.ts';
import type { OptionTable } from './options/option-row.ts';

/** What `pagewalk --help` says. @internal */
export function formatOverview(commands: readonly CommandEntry[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  return [
    'pagewalk: page-table walks on a live QEMU guest, which is left as it was found',
    '',
    ...commands.map(({ name, summary }) => `  pagewalk ${name.padEnd(width)}  ${summary}`),
    '',
    '  pagewalk help COMMAND      what a command takes',
    '  pagewalk completion SHELL  a script that completes commands and options: bash, zsh or fish',
    `  pagewalk --version`,
    '',
    'Exit status: 0 all translated, 1 at least one fault, 2 invalid command line, 3 no connection or a guest error.',
    'With --strict 4 when an answer depends on something that was assumed.',
    'find: 1 if nothing leads there, 5 if it is incomplete. diff: 1 if something differs. map: 1 if the map is incomplete.',
    '',
  ].join('\n');
}

/**
 * What `pagewalk help COMMAND` says.
 *
 * @param isFolded - each paragraph is one line, for a reader whose lines are folded
 * @internal
 */
export function formatCommandHelp({ name, synopsis, description, options }: Command, isFolded = false): string {
  const shown = isFolded ? (text: string) => joinLines(text) : (text: string) => text;
  return [`usage: pagewalk ${name} ${synopsis}`, '', shown(description), '', ...formatOptions(options, shown), ''].join(
    '\n',
  );
}

/** A line goes on in the next one, unless that is empty or set in. */
function joinLines(text: string): string {
  return text.replace(/(?<!\n)\n(?![\n ])/g, ' ');
}

function formatOptions(options: OptionTable, shown: (text: string) => string): string[] {
  const rows = Object.entries(options).map(([name, { value, help }]) => {
    return { left: `--${name}${value === undefined ? '' : ` ${value}`}`, help: shown(help) };
  });
  const width = Math.max(...rows.map(({ left }) => left.length));
  return rows.map(
    ({ left, help }) => `  ${left.padEnd(width)}  ${help.replaceAll('\n', `\n${' '.repeat(width + 4)}`)}`,
  );
}
