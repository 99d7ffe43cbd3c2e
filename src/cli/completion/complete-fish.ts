import { type CompletedCommand, type CompletedOption, ENDPOINT_SCHEMES } from './describe-commands.ts';
import { SHELLS } from './shells.ts';

/** The script for fish: a file in `~/.config/fish/completions`, or sourced. @internal */
export function completeFish(commands: readonly CompletedCommand[]): string {
  const names = commands.map(({ name }) => name);
  const all = [...names, 'help', 'completion'].join(' ');
  return `# Completion of pagewalk for fish: pagewalk completion fish >~/.config/fish/completions/pagewalk.fish
complete -c pagewalk -f
set -l commands ${all}
complete -c pagewalk -n "not __fish_seen_subcommand_from $commands" -l version -d 'the version'
${commands.map(({ name, summary }) => formatName(name, summary)).join('\n')}
${formatName('help', 'what a command takes')}
${formatName('completion', 'a script for a shell')}
complete -c pagewalk -n '__fish_seen_subcommand_from help' -a ${quote(names.join(' '))}
complete -c pagewalk -n '__fish_seen_subcommand_from completion' -a ${quote(SHELLS.join(' '))}
${commands.map(formatCommand).join('\n')}
`;
}

function formatName(name: string, summary: string): string {
  return `complete -c pagewalk -n "not __fish_seen_subcommand_from $commands" -a ${name} -d ${quote(summary)}`;
}

function formatCommand({ name, options, takesPaths }: CompletedCommand): string {
  const condition = `-n '__fish_seen_subcommand_from ${name}'`;
  const paths = takesPaths ? [`complete -c pagewalk ${condition} -F`] : [];
  const lines = options.map(
    (option) =>
      `complete -c pagewalk ${condition} -l ${option.name.slice(2)}${parametersOf(option)} -d ${quote(option.help)}`,
  );
  return [...paths, ...lines].join('\n');
}

function parametersOf({ completes }: CompletedOption): string {
  if (completes === 'nothing') return '';
  if (completes === 'path') return ' -r -F';
  if (completes === 'endpoint') return ` -r -F -a ${quote(ENDPOINT_SCHEMES.join(' '))}`;
  return typeof completes === 'string' ? ' -x' : ` -x -a ${quote(completes.join(' '))}`;
}

function quote(text: string): string {
  return `'${text.replaceAll(/['\\]/g, '\\$&')}'`;
}
