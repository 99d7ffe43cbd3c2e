import { expect } from 'chai';
import { completeBash } from '../../../../src/cli/completion/complete-bash.ts';
import { COMPLETED } from './completed.ts';

describe('cli/completeBash', () => {
  it('has a case for each command, and in it one for each option that takes a value', () => {
    const script = completeBash(COMPLETED);
    expect(script).to.contain("compgen -W 'sample other help completion --help --version'");
    const cases = /case \$\{COMP_WORDS\[1\]\} in\n(.*?)\n {2}esac\n/s.exec(script)?.[1]?.split('\n');
    const files = 'COMPREPLY=($(compgen -f -- "$word"))';
    expect(cases).to.deep.equal([
      `    help) COMPREPLY=($(compgen -W 'sample other' -- "$word")); return ;;`,
      `    completion) COMPREPLY=($(compgen -W 'bash zsh fish' -- "$word")); return ;;`,
      '    sample)',
      "      options='--json --file --qmp --profile --set --help'",
      '      paths=1',
      '      case $before in',
      `        --file) compopt -o filenames 2>/dev/null; ${files}; return ;;`,
      `        --qmp) compopt -o nospace -o filenames 2>/dev/null; COMPREPLY=($(compgen -W 'unix: tcp: libvirt: tls: exec:' -- "$word") $(compgen -f -- "$word")); return ;;`,
      `        --profile) COMPREPLY=($(compgen -W 'intel amd' -- "$word")); return ;;`,
      '        --set) return ;;',
      '      esac',
      '      ;;',
      '    other)',
      "      options=' --help'",
      '      case $before in',
      '      esac',
      '      ;;',
      '    *) return ;;',
    ]);
  });
});
