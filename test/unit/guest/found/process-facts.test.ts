import { symlinkSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { readNamedFile } from '../../../../src/guest/found/process-facts.ts';
import { useScratchDirectory } from '../../../support/live/scratch-directory.ts';

const OWN = process.getuid?.() ?? 0;

describe('a file that a process names', () => {
  const scratch = useScratchDirectory();

  it('is read where it is its own', () => {
    writeFileSync(scratch('own'), 'text', { mode: 0o600 });
    expect(readNamedFile(process.pid, OWN, scratch('own'))).to.equal('text');
    expect(readNamedFile(process.pid, OWN + 1, scratch('own')), "another user's").to.equal(undefined);
  });

  it('is not read through a link, nor where the kernel answers the reader: root would be told more', () => {
    symlinkSync(scratch('own'), scratch('link'));
    expect(readNamedFile(process.pid, OWN, scratch('link'))).to.equal(undefined);
    for (const file of ['/proc/self/status', '/proc/version', '/sys/kernel/uevent_seqnum']) {
      expect(readNamedFile(process.pid, OWN, file), file).to.equal(undefined);
    }
  });
});
