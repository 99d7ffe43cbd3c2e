import { expect } from 'chai';
import { parseDiff } from '../../../../src/cli/commands/diff/parse-diff.ts';
import { parseHvTranslate } from '../../../../src/cli/commands/hv-translate/parse-hv-translate.ts';
import { parseMap } from '../../../../src/cli/commands/map/parse-map.ts';
import { parseTranslate } from '../../../../src/cli/commands/translate/parse-translate.ts';
import { UsageError } from '../../../../src/cli/errors.ts';
import { NamedDump } from '../../../../src/cli/options/sources/dump-file.ts';
import { NamedQemu } from '../../../../src/cli/options/sources/qemu-source.ts';

const ENVIRONMENT = { PAGEWALK_QMP: 'unix:/run/vm.qmp' };

describe('--dump', () => {
  it('names a dump, whatever guest the environment names', () => {
    const { source } = parseMap(['--dump', 'vmcore', '--registers', 'saved'], ENVIRONMENT).guest;
    expect(source).to.be.instanceOf(NamedDump).and.include({ file: 'vmcore', registersFile: 'saved' });
    expect(parseMap([], ENVIRONMENT).guest.source).to.be.instanceOf(NamedQemu);
  });

  const REFUSED: Readonly<Record<string, readonly [() => unknown, RegExp]>> = {
    'a guest besides': [() => parseMap(['--dump', 'a', '--qmp', 'unix:/b'], {}), /two guests/],
    'registers without a dump': [() => parseMap(['--registers', 'a'], ENVIRONMENT), /--registers needs --dump/],
    'a moment': [() => parseMap(['--dump', 'a', '--until', 'user'], {}), /--until is about a guest that runs/],
    'a deadline': [() => parseMap(['--dump', 'a', '--max-pause', '5'], {}), /--max-pause is about a guest that runs/],
    '--live': [() => parseMap(['--dump', 'a', '--live'], {}), /--live asks a guest that runs/],
    'accessed bits': [
      () => parseTranslate(['0x0', '--dump', 'a', '--set-accessed'], {}),
      /--set-accessed: a dump is only read/,
    ],
    "the hypercall's bits": [
      () => parseHvTranslate(['0x0', '--dump', 'a', '--validate', 'r', '--set-page-table-bits'], {}),
      /a dump is only read/,
    ],
    'three dumps': [
      () => parseDiff(['--dump', 'a', '--dump', 'b', '--dump', 'c'], {}),
      /two dumps are compared \(got 3\)/,
    ],
    'two dumps and a guest': [
      () => parseDiff(['--dump', 'a', '--dump', 'b', '--qmp', 'unix:/c'], {}),
      /--qmp names a third/,
    ],
    'one dump alone': [() => parseDiff(['--dump', 'a'], {}), /say where the guest is/],
    'a wait': [() => parseDiff(['--dump', 'a', '--dump', 'b', '--after', '5'], {}), /--after/],
    'a saved map besides': [() => parseDiff(['a.json', '--dump', 'a', '--dump', 'b'], {}), /"a.json" is a file/],
    'registers of one of two': [
      () => parseDiff(['--dump', 'a', '--dump', 'b', '--registers', 'c'], {}),
      /once for each --dump \(got 1 for 2\)/,
    ],
    'registers of none in diff': [() => parseDiff(['--registers', 'c'], {}), /--registers needs --dump/],
  };
  for (const [name, [parse, message]] of Object.entries(REFUSED)) {
    it(`is refused with ${name}`, () => expect(parse).to.throw(UsageError, message));
  }

  it('twice is what diff compares, and once what it compares with a guest', () => {
    const two = parseDiff(
      ['--dump', 'a', '--dump', 'b', '--registers', 'c', '--registers', 'd', '--cpu', '1'],
      ENVIRONMENT,
    );
    if (two.kind !== 'two') throw new Error(two.kind);
    expect([two.before, two.after].map(({ source }) => source)).to.deep.equal([
      new NamedDump({ file: 'a', registersFile: 'c' }),
      new NamedDump({ file: 'b', registersFile: 'd' }),
    ]);
    expect([two.before.cpu, two.after.cpu]).to.deep.equal([1, 1]);
    const one = parseDiff(['--dump', 'a', '--timeout', '9'], ENVIRONMENT);
    if (one.kind !== 'two') throw new Error(one.kind);
    expect(one.before.source).to.be.instanceOf(NamedDump);
    expect(one.after.source).to.be.instanceOf(NamedQemu).and.include({ timeoutMs: 9 });
  });
});
