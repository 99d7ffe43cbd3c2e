import { expect } from 'chai';
import { completeZsh } from '../../../../src/cli/completion/complete-zsh.ts';
import { COMPLETED } from './completed.ts';

describe('cli/completeZsh', () => {
  it('has a line for each command and each option', () => {
    const script = completeZsh(COMPLETED);
    const names = /commands=\(\n(.*?)\n {2}\)\n/s.exec(script)?.[1]?.split('\n');
    expect(names).to.deep.equal([
      "    'sample:what sample does'",
      "    'other:what other does'",
      "    'help:what a command takes'",
      "    'completion:a script for a shell'",
    ]);
    const cases = /case \$command in\n(.*?)\n {2}esac\n/s.exec(script)?.[1]?.split('\n');
    expect(cases).to.deep.equal([
      '    help) _describe command commands ;;',
      "    completion) _arguments '1:shell:(bash zsh fish)' ;;",
      '    sample)',
      '      _arguments \\',
      "        '--json[it'\\''s JSON]' \\",
      "        '--file=[a \\[file\\]\\: of any kind]:FILE:_files' \\",
      "        '--qmp=[a socket]:ENDPOINT:_pagewalk_endpoint' \\",
      "        '--profile=[a \\\\ profile]:NAME:(intel amd)' \\",
      "        '*--set=[again]:NAME\\:VALUE: ' \\",
      "        '*:map:_files'",
      '      ;;',
      '    other)',
      '      _arguments \\',
      '',
      '      ;;',
    ]);
    expect(script)
      .to.match(/^#compdef pagewalk\n/)
      .and.match(/\ncompdef|compdef _pagewalk pagewalk\nfi\n$/);
  });
});
