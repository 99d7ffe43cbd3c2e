import { COMMANDS } from '../../src/cli/commands.ts';
import { formatOverview } from '../../src/cli/help.ts';
import type { Command } from '../../src/cli/options/command.ts';
import type { OptionRow } from '../../src/cli/options/option-row.ts';

/** The man page, seen from the root of the repository. */
export const MAN_PAGE = 'man/pagewalk.1';

/** The page in man's own language (man(7)), from the tables that the help comes from. */
export async function makeManPage(version: string): Promise<string> {
  const commands = await Promise.all(COMMANDS.map(({ load }) => load()));
  const status = /Exit status:[\s\S]*/.exec(formatOverview(COMMANDS))?.[0] ?? '';
  return [
    `.TH PAGEWALK 1 "" "pagewalk ${version}" "User Commands"`,
    '.SH NAME',
    'pagewalk \\- page\\-table walks on a live QEMU guest, which is left as it was found',
    '.SH SYNOPSIS',
    ...commands.flatMap(({ name, synopsis }) => [`.B pagewalk ${escapeText(name)}`, escapeText(synopsis), '.br']),
    '.B pagewalk help',
    'COMMAND',
    '.br',
    '.B pagewalk completion',
    '{bash | zsh | fish}',
    '.SH COMMANDS',
    ...commands.flatMap(formatCommand),
    '.SH EXIT STATUS',
    ...paragraph(status),
    '.SH ENVIRONMENT',
    ...term('PAGEWALK_QMP, PAGEWALK_GDB', 'endpoints, where the options are not given'),
    ...term('PAGEWALK_DEBUG', 'adds stack traces to errors'),
    ...term('NO_COLOR', 'takes the colours away'),
    '',
  ].join('\n');
}

function formatCommand({ name, description, options }: Command): string[] {
  const rows = Object.entries<OptionRow>(options);
  return [
    `.SS pagewalk ${escapeText(name)}`,
    ...paragraph(description),
    ...rows.flatMap(([option, { value, help }]) => term(`--${option}${value === undefined ? '' : ` ${value}`}`, help)),
  ];
}

function term(name: string, text: string): string[] {
  return ['.TP', `.B ${escapeText(name)}`, ...text.split('\n').map(escapeText)];
}

/** An empty line begins another paragraph. */
function paragraph(text: string): string[] {
  return text
    .trim()
    .split('\n')
    .map((line) => (line === '' ? '.PP' : escapeText(line)));
}

/** A backslash escapes, a dash is a hyphen unless it is escaped, and a dot or an apostrophe begins a request at a line's start. */
function escapeText(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/, '\\&$1');
}
