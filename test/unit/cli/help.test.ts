import { expect } from 'chai';
import { COMMANDS } from '../../../src/cli/commands.ts';
import { formatCommandHelp, formatOverview } from '../../../src/cli/help.ts';
import type { Command } from '../../../src/cli/options/command.ts';
import { parseNestedStage } from '../../../src/guest/vcpu/nested-state.ts';

const helps = async () =>
  Promise.all(COMMANDS.map(async ({ load }) => load().then((command) => formatCommandHelp(command))));

describe('the help of a command', () => {
  it('fits a terminal of 120 columns', async () => {
    for (const help of await helps()) {
      for (const line of help.split('\n')) expect(line.length, line).to.be.at.most(120);
    }
  });

  it('names every mode and flag that --nested takes, and no other', async () => {
    const refused = () => parseNestedStage('npt:0x1,vax');
    const [, modes = '', flags = ''] = /one of (.*), either with any of (.*) behind/.exec(messageOf(refused)) ?? [];
    const nested = (await helps()).filter((help) => help.includes('--nested'));
    expect(nested).to.have.lengthOf(6);
    for (const help of nested) {
      expect(help).to.match(new RegExp(`MODE: ${modes}\\. FLAG: ${flags}\n`));
      expect(help).not.to.match(/guest of a/);
    }
    for (const mode of modes.split(', ')) {
      for (const flag of flags.split(', ')) expect(parseNestedStage(`npt:0x1,${mode},${flag}`)?.kind).to.equal('npt');
    }
  });

  it('has each paragraph and each option in one line for a terminal, which folds them', async () => {
    for (const { load } of COMMANDS) {
      const command = await load();
      const words = (text: string): readonly string[] => text.split(/\s+/);
      const folded = formatCommandHelp(command, true);
      expect(words(folded)).to.deep.equal(words(formatCommandHelp(command)));
      const options = folded.split('\n').filter((line) => line.startsWith('  --'));
      expect(options).to.have.length(Object.keys(command.options).length);
      expect(folded.trimEnd().endsWith(options.at(-1) ?? '')).to.equal(true);
    }
  });
});

/** A command that only says what it takes. */
const SAMPLE: Command = {
  name: 'sample',
  synopsis: '[options]',
  description: 'One line\ngoes on.\n\n  set in\nand back\n\nThe end.',
  options: { all: { help: 'everything' }, 'to-file': { value: 'FILE', help: 'where to\nwrite it' } },
  run: () => Promise.resolve(0),
};

describe('the help of a command, word for word', () => {
  it('has options side by side, and lines as they are written', () => {
    expect(formatCommandHelp(SAMPLE).split('\n')).to.deep.equal([
      'usage: pagewalk sample [options]',
      '',
      ...['One line', 'goes on.', '', '  set in', 'and back', '', 'The end.'],
      '',
      '  --all           everything',
      '  --to-file FILE  where to',
      '                  write it',
      '',
    ]);
  });

  it('joins lines for a reader whose lines are folded, but for those that are set in, and empty ones', () => {
    expect(formatCommandHelp(SAMPLE, true).split('\n')).to.deep.equal([
      'usage: pagewalk sample [options]',
      '',
      ...['One line goes on.', '', '  set in and back', '', 'The end.'],
      '',
      '  --all           everything',
      '  --to-file FILE  where to write it',
      '',
    ]);
  });

  it('begins with all commands side by side', () => {
    const load = () => Promise.resolve(SAMPLE);
    const overview = formatOverview([
      { name: 'sample', summary: 'a sample', load },
      { name: 'other-one', summary: 'another', load },
    ]);
    expect(overview.split('\n')).to.deep.equal([
      'pagewalk: page-table walks on a live QEMU guest, which is left as it was found',
      '',
      '  pagewalk sample     a sample',
      '  pagewalk other-one  another',
      '',
      '  pagewalk help COMMAND      what a command takes',
      '  pagewalk completion SHELL  a script that completes commands and options: bash, zsh or fish',
      '  pagewalk --version',
      '',
      'Exit status: 0 all translated, 1 at least one fault, 2 invalid command line, 3 no connection or a guest error.',
      'With --strict 4 when an answer depends on something that was assumed.',
      'find: 1 if nothing leads there, 5 if it is incomplete. diff: 1 if something differs. map: 1 if the map is incomplete.',
      '',
    ]);
  });

  it('is that of the command with the same name', async () => {
    for (const { name, load } of COMMANDS) expect((await load()).name).to.equal(name);
  });
});

function messageOf(refused: () => unknown): string {
  try {
    return String(refused());
  } catch (error) {
    return String(error);
  }
}
