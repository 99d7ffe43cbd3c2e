import { expect } from 'chai';
import { type CompletedCommand, describeCommands } from '../../../../src/cli/completion/describe-commands.ts';
import type { Command } from '../../../../src/cli/options/command.ts';
import { COMPLETED } from './completed.ts';

const run = () => Promise.resolve(0);
const SAMPLE: Command = {
  name: 'sample',
  synopsis: '[before.json after.json]',
  description: '',
  options: {
    json: { help: "it's\nJSON" },
    file: { value: 'FILE', help: 'a [file]: of any kind' },
    qmp: { value: 'ENDPOINT', help: 'a socket' },
    profile: { value: 'NAME', words: ['intel', 'amd'], help: 'a \\ profile' },
    set: { value: 'NAME:VALUE', repeats: true, help: 'again' },
  },
  run,
};
const OTHER: Command = { name: 'other', synopsis: 'x.jsonl', description: '', options: {}, run };

describe('cli/describeCommands', () => {
  it('has of each command what a shell completes, from its own table', async () => {
    const entries = [SAMPLE, OTHER].map((command) => ({
      ...{ name: command.name, summary: `what ${command.name} does`, load: () => Promise.resolve(command) },
    }));
    const described: readonly CompletedCommand[] = await describeCommands(entries);
    expect(described).to.deep.equal(COMPLETED);
  });
});
