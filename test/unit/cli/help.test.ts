import { expect } from 'chai';
import { COMMANDS } from '../../../src/cli/commands.ts';
import { formatCommandHelp } from '../../../src/cli/help.ts';
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

function messageOf(refused: () => unknown): string {
  try {
    return String(refused());
  } catch (error) {
    return String(error);
  }
}
