import { type CompletedCommand, type CompletedOption, ENDPOINT_SCHEMES } from './describe-commands.ts';
import { SHELLS } from './shells.ts';

/**
 * The script for bash. Its COMP_WORDBREAKS take `unix:/run/vm.qmp` and `--qmp=x` apart, into words of which `:` and `=` are some.
 *
 * @internal
 */
export function completeBash(commands: readonly CompletedCommand[]): string {
  const names = commands.map(({ name }) => name).join(' ');
  return `# Completion of pagewalk for bash: source <(pagewalk completion bash)
_pagewalk() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} options= paths=
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W '${names} help completion --help --version' -- "$word"))
    return
  fi
  [[ $word == = ]] && word=
  [[ $before == = ]] && before=\${COMP_WORDS[COMP_CWORD-2]}
  # Behind the scheme of an endpoint there is a path.
  if [[ $word == : || $before == : ]]; then
    [[ $word == : ]] && word=
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -f -- "$word"))
    return
  fi
  case \${COMP_WORDS[1]} in
    help) COMPREPLY=($(compgen -W '${names}' -- "$word")); return ;;
    completion) COMPREPLY=($(compgen -W '${SHELLS.join(' ')}' -- "$word")); return ;;
${commands.map(formatCommand).join('\n')}
    *) return ;;
  esac
  if [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$word"))
  elif [[ -n $paths ]]; then
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -f -- "$word"))
  elif [[ -z $word ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$word"))
  fi
}
complete -F _pagewalk pagewalk
`;
}

function formatCommand({ name, options, takesPaths }: CompletedCommand): string {
  const lines = [
    `    ${name})`,
    `      options='${options.map((option) => option.name).join(' ')} --help'`,
    ...(takesPaths ? ['      paths=1'] : []),
    '      case $before in',
    ...formatValues(options),
    '      esac',
    '      ;;',
  ];
  return lines.join('\n');
}

function formatValues(options: readonly CompletedOption[]): string[] {
  const named = (wanted: CompletedOption['completes']): string =>
    options
      .filter(({ completes }) => completes === wanted)
      .map(({ name }) => name)
      .join('|');
  const action: readonly (readonly [names: string, action: string])[] = [
    [named('path'), 'compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$word")); return'],
    [
      named('endpoint'),
      `compopt -o nospace -o filenames 2>/dev/null; COMPREPLY=($(compgen -W '${ENDPOINT_SCHEMES.join(' ')}' -- "$word") $(compgen -f -- "$word")); return`,
    ],
    ...options.flatMap(({ name, completes }) =>
      typeof completes === 'string'
        ? []
        : [[name, `COMPREPLY=($(compgen -W '${completes.join(' ')}' -- "$word")); return`] as const],
    ),
    // What only the user knows: nothing is better than an option in its place.
    [named('anything'), 'return'],
  ];
  return action.flatMap(([names, what]) => (names === '' ? [] : [`        ${names}) ${what} ;;`]));
}
