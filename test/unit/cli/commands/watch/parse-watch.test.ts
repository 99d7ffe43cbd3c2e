import { expect } from 'chai';
import { parseWatch } from '../../../../../src/cli/commands/watch/parse-watch.ts';
import { UsageError } from '../../../../../src/cli/errors.ts';

const QMP = ['--qmp', 'unix:/run/vm.qmp'];
const parse = (words: string) => parseWatch([...words.split(' '), ...QMP], {});

describe('cli/parseWatch', () => {
  it('understands everything that a command line can say', () => {
    const line = parse('--range 0x1000-0x1fff --clear --clear-dirty --for 20 --rounds 3 --cr3 0x5000 --json');
    expect(line).to.deep.include({
      ...{ clearsDirty: true, forMs: 20, rounds: 3, json: true },
      range: { kind: 'numbers', first: 0x1000n, last: 0x1fffn },
    });
    expect(line.scope).to.include({ cr3: 0x5000n, live: false, hostMemory: true });
    expect(parse('--range do_exit --clear')).to.deep.include({
      clearsDirty: false,
      forMs: 1000,
      rounds: 1,
      json: false,
    });
  });

  it('refuses to clear bits without consent, and in what cannot be written', () => {
    const refusal = (words: string) => expect(() => parse(words)).to.throw(UsageError);
    refusal('--clear').with.property('message').that.contains('--range');
    refusal('--range 0x1000+0x1000').with.property('message').that.contains('--clear');
    refusal('--range 0x1000+0x1000 --clear-dirty').with.property('message').that.contains('with --clear');
    refusal('--range 0x1000+0x1000 --clear stray').with.property('message').that.contains('"stray"');
    refusal('--range 0x1000+0x1000 --clear --rounds 0');
    refusal('--range 0x1000+0x1000 --clear --live');
    const dump = ['--range', '0x1000+0x1000', '--clear', '--dump', 'vm.elf'];
    expect(() => parseWatch(dump, {})).to.throw(UsageError, 'a dump is only read');
  });

  it('passes each option on, and has bounds for numbers', () => {
    const full = parse(
      '--range 0-0xfff --clear --for 2147483647 --rounds 1000000 --cpu 2 --process sh --symbols f --no-host-memory --strict',
    );
    expect(full).to.deep.include({ forMs: 2_147_483_647, rounds: 1_000_000, clearsDirty: false, json: false });
    expect(full.guest).to.include({ cpu: 2, strict: true });
    expect(full.scope).to.deep.equal({
      ...{ cr3: undefined, process: 'sh', symbolsFile: 'f', overrides: [], profile: undefined, nested: undefined },
      ...{ live: false, hostMemory: false },
    });
    expect(parse('--range 0-0xfff --clear --pid 7 --for 1 --rounds 1')).to.deep.include({ forMs: 1, rounds: 1 });
    const refused = (words: string, message: string) =>
      expect(() => parse(`--range 0-0xfff --clear ${words}`), words)
        .to.throw(UsageError)
        .that.includes({ message, command: 'watch' });
    refused('--for 0', '--for "0" is not a whole number from 1 to 2147483647');
    refused('--for 2147483648', '--for "2147483648" is not a whole number from 1 to 2147483647');
    refused('--rounds 0', '--rounds "0" is not a whole number from 1 to 1000000');
    refused('--rounds 1000001', '--rounds "1000001" is not a whole number from 1 to 1000000');
  });
});
