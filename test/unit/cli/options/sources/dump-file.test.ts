import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { NamedDump } from '../../../../../src/cli/options/sources/dump-file.ts';
import { mappedDump } from '../../../../support/builders/mapped-dump.ts';
import { expectRejection } from '../../../../support/expect-rejection.ts';

describe('a dump by its file', () => {
  it('is opened with the registers of a file, where one is named', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pagewalk-'));
    try {
      const file = join(folder, 'guest.elf');
      writeFileSync(file, mappedDump());
      const guest = await new NamedDump({ file, registersFile: undefined }).open();
      expect(guest.vcpus).to.deep.equal([0, 1, 2]);
      await guest.detach();
      const registersFile = join(folder, 'registers');
      const refused = await expectRejection(new NamedDump({ file, registersFile }).open());
      expect(refused.message).to.contain(registersFile);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
