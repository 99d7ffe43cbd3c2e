import { expect } from 'chai';
import { UsageError } from '../../../../src/cli/errors.ts';
import { parseAddresses, parseFormat } from '../../../../src/cli/options/address-options.ts';
import { parseOptions } from '../../../../src/cli/options/parse-options.ts';

const TABLE = {
  from: { value: 'FILE', help: '' },
  'keep-going': { help: '' },
  brief: { help: '' },
  json: { help: '' },
  'set-dirty': { help: '' },
};
const options = (line: string) =>
  parseOptions(
    line.split(' ').filter((word) => word !== ''),
    TABLE,
    'translate',
  );
const addresses = (line: string) => parseAddresses(options(line), 'translate');
const format = (line: string) => parseFormat(options(line), 'set-dirty', 'translate');

function expectRefusals(parse: (line: string) => unknown, cases: readonly (readonly [string, string])[]): void {
  for (const [line, message] of cases) {
    expect(() => parse(line), line)
      .to.throw(UsageError)
      .that.includes({ message, command: 'translate' });
  }
}

describe('cli/parseAddresses', () => {
  it('takes them from the command line, or from a file', () => {
    expect(addresses('0x10 rip')).to.deep.equal({
      addresses: [
        { kind: 'number', value: 0x10n },
        { kind: 'register', text: 'rip', register: 'rip', offset: 0n },
      ],
      from: undefined,
    });
    expect(addresses('--from list')).to.deep.equal({ addresses: [], from: { file: 'list', keepGoing: false } });
    expect(addresses('--from - --keep-going')).to.deep.equal({ addresses: [], from: { file: '-', keepGoing: true } });
  });

  it('refuses none, and both', () => {
    expectRefusals(addresses, [
      ['', 'no address was given'],
      ['--keep-going', 'no address was given'],
      ['1 --keep-going', '--keep-going needs --from'],
      ['1 2 --from list', 'addresses come from list or from the command line, which has "1"'],
      ['0xz', 'address "0xz" is not a number (hexadecimal with 0x in front, or decimal)'],
    ]);
  });
});

describe('cli/parseFormat', () => {
  it('is a tree, a line each, or JSON', () => {
    expect(['', '--json', '--brief', '--set-dirty', '--json --set-dirty'].map(format)).to.deep.equal(
      'tree json brief tree json'.split(' '),
    );
  });

  it('refuses two, and lines that would not show what was done', () => {
    expectRefusals(format, [
      ['--brief --json', '--brief and --json exclude each other'],
      ['--brief --set-dirty', '--brief does not show which bits were set: take --json with --set-dirty'],
    ]);
  });
});
