import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { parseBytes } from '../../../../../src/cli/commands/hv-translate/parse-bytes.ts';
import { InputFileError, UsageError } from '../../../../../src/cli/errors.ts';

const parse = (text: string): number[] => [...parseBytes(text, '--input', 'hv-translate')];

describe('cli/parseBytes', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'pagewalk-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  it('takes pairs of digits, with or without 0x, spaces and _ between them', () => {
    expect(parse('00ff7A')).to.deep.equal([0, 255, 0x7a]);
    expect(parse('0x01 02_03\n04')).to.deep.equal([1, 2, 3, 4]);
    expect(parse('0X0a')).to.deep.equal([10]);
  });

  it('takes a file as it is', () => {
    const file = join(folder, 'bytes');
    writeFileSync(file, Uint8Array.of(0x40, 0, 0xff));
    expect(parse(`@${file}`)).to.deep.equal([0x40, 0, 0xff]);
    expect(() => parse(`@${file}.not`))
      .to.throw(InputFileError)
      .with.property('message')
      .that.contains(`${file}.not: cannot be read: ENOENT`);
  });

  it('refuses anything else, of which no more than its beginning is said', () => {
    const advice = 'is not made of pairs of hexadecimal digits; a file is @FILE';
    for (const [text, shown] of [
      ['', '""'],
      ['0x', '"0x"'],
      ['123', '"123"'],
      ['0g', '"0g"'],
      ['z'.repeat(40), `"${'z'.repeat(40)}"`],
      ['z'.repeat(41), `"${'z'.repeat(40)}…"`],
    ] as const) {
      expect(() => parse(text), text)
        .to.throw(UsageError)
        .that.includes({ message: `--input ${shown} ${advice}`, command: 'hv-translate' });
    }
  });
});
