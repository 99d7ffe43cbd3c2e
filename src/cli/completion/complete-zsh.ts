import type { CompletedCommand, CompletedOption } from './describe-commands.ts';
import { SHELLS } from './shells.ts';

/** The script for zsh: a function that is loaded from a file `_pagewalk` in `$fpath`, or sourced. @internal */
export function completeZsh(commands: readonly CompletedCommand[]): string {
  return `#compdef pagewalk
# Completion of pagewalk for zsh: pagewalk completion zsh >"\${fpath[1]}/_pagewalk"
_pagewalk_endpoint() {
  if compset -P 'unix:'; then
    _files
  else
    _alternative 'schemes:scheme:compadd -S "" unix\\: tcp\\: exec\\:' 'files:socket:_files'
  fi
}
_pagewalk() {
  local -a commands
  commands=(
${commands.map(({ name, summary }) => `    ${quote(`${name}:${summary}`)}`).join('\n')}
    'help:what a command takes'
    'completion:a script for a shell'
  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  ((CURRENT--))
  case $command in
    help) _describe command commands ;;
    completion) _arguments '1:shell:(${SHELLS.join(' ')})' ;;
${commands.map(formatCommand).join('\n')}
  esac
}
if [[ $funcstack[1] == _pagewalk ]]; then
  _pagewalk "$@"
else
  compdef _pagewalk pagewalk
fi
`;
}

function formatCommand({ name, options, takesPaths }: CompletedCommand): string {
  const lines = options.map((option) => `        ${quote(formatOption(option))}`);
  const paths = takesPaths ? ["        '*:map:_files'"] : [];
  return [`    ${name})`, `      _arguments \\`, [...lines, ...paths].join(' \\\n'), '      ;;'].join('\n');
}

function formatOption({ name, value, completes, help, repeats }: CompletedOption): string {
  const described = `${repeats ? '*' : ''}${name}${value === '' ? '' : '='}[${help.replaceAll(/[[\]\\:]/g, '\\$&')}]`;
  if (completes === 'nothing') return described;
  return `${described}:${value.replaceAll(':', '\\:')}:${actionOf(completes)}`;
}

function actionOf(completes: CompletedOption['completes']): string {
  if (completes === 'path') return '_files';
  if (completes === 'endpoint') return '_pagewalk_endpoint';
  return typeof completes === 'string' ? ' ' : `(${completes.join(' ')})`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
