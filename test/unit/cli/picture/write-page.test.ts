import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { OutputFileError } from '../../../../src/cli/errors.ts';
import { readPageFiles } from '../../../../src/cli/picture/page-files.ts';
import { expectWritable, printWritten, writePage } from '../../../../src/cli/picture/write-page.ts';
import { expectRejection } from '../../../support/expect-rejection.ts';

const FILES = { script: 'go()', style: 'a{}', scriptHash: 'aaaa', styleHash: 'bbbb' };

describe('cli/writePage', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'pagewalk-'));
  });
  afterEach(() => {
    chmodSync(folder, 0o700);
    rmSync(folder, { recursive: true });
  });

  it('writes moments and symbols in base64, for their user alone, and says how long the page is', async () => {
    const file = join(folder, 'page.html');
    // Parts of larger buffers, as what is read and inflated mostly is.
    const within = Uint8Array.of(9, 1, 2, 3, 9).subarray(1, 4);
    const length = await writePage(file, FILES, [within, Uint8Array.of(4)], Uint8Array.of(9, 255).subarray(1));
    const page = readFileSync(file, 'utf8');
    expect(length).to.equal(statSync(file).size);
    expect(statSync(file).mode & 0o777).to.equal(0o600);
    for (const text of ['AQID', 'BA==', '/w==', 'go()', 'a{}', 'aaaa', 'bbbb']) expect(page).to.contain(text);
    await writePage(file, FILES, [within]);
    expect(readFileSync(file, 'utf8')).to.contain('AQID').and.not.contain('/w==');
  });

  it('says why it cannot be written', async () => {
    const error = await expectRejection(writePage(join(folder, 'none', 'page.html'), FILES, []));
    expect(error).to.be.instanceOf(OutputFileError);
    expect(error.message).to.contain('none/page.html');
  });

  it('says so before, and changes nothing', () => {
    const file = join(folder, 'page.html');
    expectWritable(file);
    expect(() => statSync(file)).to.throw('ENOENT');
    writeFileSync(file, 'older');
    expectWritable(file);
    expect(readFileSync(file, 'utf8')).to.equal('older');
    mkdirSync(join(folder, 'sub'));
    expect(() => expectWritable(join(folder, 'sub'))).to.throw(OutputFileError, 'it is a directory');
    expect(() => expectWritable(join(folder, 'none', 'page.html'))).to.throw(OutputFileError, 'ENOENT');
  });

  it('says what was written in megabytes', async () => {
    const printed: string[] = [];
    await printWritten('a.html', 1_250_000, { print: (text) => void printed.push(text) });
    await printWritten('b.html', 49_000, { print: (text) => void printed.push(text) });
    expect(printed).to.deep.equal([
      'a.html: 1.3 MB, to look at in a browser\n',
      'b.html: 0.0 MB, to look at in a browser\n',
    ]);
  });

  it('has printed when it ends', async () => {
    let hasPrinted = false;
    const print = async (): Promise<void> => {
      await new Promise((resolve) => setImmediate(resolve));
      hasPrinted = true;
    };
    await printWritten('a.html', 1, { print });
    expect(hasPrinted).to.equal(true);
  });
});

describe('cli/readPageFiles', () => {
  it('has the program of the page and its looks, with the hashes of what stands in the page', async () => {
    const { createHash } = await import('node:crypto');
    const { script, style, scriptHash, styleHash } = readPageFiles();
    const hash = (text: string): string => createHash('sha256').update(text, 'utf8').digest('base64');
    expect([scriptHash, styleHash]).to.deep.equal([hash(script), hash(style)]);
    expect([script, style]).to.deep.equal([script.trim(), style.trim()]);
    expect(script.length).to.be.greaterThan(style.length);
    expect(style).to.match(/[{}]/);
  });
});
