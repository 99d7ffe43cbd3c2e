import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { InputFileError } from '../../../../src/cli/errors.ts';
import { readSymbolsFile } from '../../../../src/cli/io/symbols-file.ts';
import { openingsOf } from '../../../support/openings-of.ts';

describe('cli/readSymbolsFile', () => {
  let folder = '';
  let file = '';

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'pagewalk-symbols-'));
    file = join(folder, 'System.map');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const openings = (): number => openingsOf(file);

  function refusal(path = file): InputFileError {
    try {
      readSymbolsFile(path);
    } catch (error) {
      if (error instanceof InputFileError) return error;
      throw error;
    }
    throw new Error('it was taken');
  }

  it('has a table for the kernel and one for each module, and leaves the file closed', () => {
    writeFileSync(file, '1000 T _stext\n1010 t one\n2000 t two\t[fuse]\n');
    const tables = readSymbolsFile(file);
    expect(tables.map((table) => [table.module, ...[...table].map(({ name }) => name)])).to.deep.equal([
      [null, '_stext', 'one'],
      ['fuse', 'two'],
    ]);
    expect(tables[0]?.addressOf('one')).to.equal(0x1010n);
    expect(openings()).to.equal(0);
  });

  it('says what is wrong with it, once with its name, and leaves it closed', () => {
    writeFileSync(file, '1000 T _stext\nhello\n');
    const error = refusal();
    expect(error).to.include({
      ...{ message: `${file}: line 2 is not an address, a letter and a name`, file, line: undefined },
    });
    expect(error.cause).to.include({ code: 'ERR_LINUX_DATA' });
    expect(openings()).to.equal(0);
  });

  it('refuses what ends before it can be anything', () => {
    for (const text of ['', 'x', '\u007fE']) {
      writeFileSync(file, text);
      expect(refusal().message, JSON.stringify(text)).to.match(/: (?:it has no symbols|line 1 is not an address, .*)$/);
    }
    writeFileSync(file, '\u007fELF\u0002\u0001');
    expect(refusal().message).to.equal(`${file}: it has no sections: it is stripped`);
  });

  it('refuses what is no plain file, and what is not there', () => {
    expect(refusal(folder).message).to.equal(`${folder}: is no plain file`);
    const missing = refusal();
    expect(missing.message).to.equal(`${file}: cannot be read: ENOENT: no such file or directory, open '${file}'`);
    expect(missing.cause).to.include({ code: 'ENOENT' });
  });

  it('refuses a text that is longer than any list', () => {
    writeFileSync(file, '');
    truncateSync(file, 256 * 1024 * 1024 + 1);
    expect(refusal().message).to.equal(`${file}: it is too long for a list of symbols`);
  });
});
