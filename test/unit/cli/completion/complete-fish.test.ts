import { expect } from 'chai';
import { completeFish } from '../../../../src/cli/completion/complete-fish.ts';
import { COMPLETED } from './completed.ts';

describe('cli/completeFish', () => {
  it('has a line for each command and each option', () => {
    const first = 'complete -c pagewalk -n "not __fish_seen_subcommand_from $commands"';
    const ofSample = "complete -c pagewalk -n '__fish_seen_subcommand_from sample'";
    expect(completeFish(COMPLETED).split('\n')).to.deep.equal([
      '# Completion of pagewalk for fish: pagewalk completion fish >~/.config/fish/completions/pagewalk.fish',
      'complete -c pagewalk -f',
      'set -l commands sample other help completion',
      `${first} -l version -d 'the version'`,
      `${first} -a sample -d 'what sample does'`,
      `${first} -a other -d 'what other does'`,
      `${first} -a help -d 'what a command takes'`,
      `${first} -a completion -d 'a script for a shell'`,
      "complete -c pagewalk -n '__fish_seen_subcommand_from help' -a 'sample other'",
      "complete -c pagewalk -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'",
      `${ofSample} -F`,
      `${ofSample} -l json -d 'it\\'s JSON'`,
      `${ofSample} -l file -r -F -d 'a [file]: of any kind'`,
      `${ofSample} -l qmp -r -F -a 'unix: tcp: libvirt: tls: exec:' -d 'a socket'`,
      `${ofSample} -l profile -x -a 'intel amd' -d 'a \\\\ profile'`,
      `${ofSample} -l set -x -d 'again'`,
      '',
      '',
    ]);
  });
});
