import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { PlainFile } from '../../../../src/dump/file/plain-file.ts';
import { DumpFileError, DumpFormatError, openDump } from '../../../../src/dump/index.ts';
import { expectRejection } from '../../../support/expect-rejection.ts';

describe('the file of a dump', () => {
  let directory = '';

  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'pagewalk-dump-'));
  });

  after(() => rmSync(directory, { recursive: true }));

  it('is a regular file: a directory, a pipe and what is not there are refused at once', async () => {
    const pipe = join(directory, 'pipe');
    execFileSync('mkfifo', [pipe]);
    for (const name of [directory, pipe, join(directory, 'missing')]) {
      expect(await expectRejection(openDump(name)), name)
        .to.be.instanceOf(DumpFileError)
        .and.include({ file: name });
    }
  });

  it('may become shorter while it is read, which is said', () => {
    const name = join(directory, 'short');
    writeFileSync(name, Buffer.alloc(8192));
    using file = new PlainFile(name);
    truncateSync(name, 5000);
    expect(() => file.readInto(4096, new Uint8Array(4096))).to.throw(DumpFormatError, /ends at byte 5000/);
  });

  it('is closed when it is no dump, and when the guest is left', async () => {
    const name = join(directory, 'raw');
    writeFileSync(name, Buffer.alloc(8192));
    expect(await expectRejection(openDump(name))).to.have.property('code', 'ERR_DUMP_REGISTERS');
    const file = new PlainFile(name);
    file[Symbol.dispose]();
    file[Symbol.dispose]();
    expect(() => file.readInto(0, new Uint8Array(1))).to.throw(DumpFileError);
  });
});
