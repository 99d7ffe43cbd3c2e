import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { findDomain, type Records } from '../../../../src/guest/found/find-domain.ts';
import { lookAtThisHost } from '../../../../src/guest/found/this-host.ts';
import { useScratchDirectory } from '../../../support/live/scratch-directory.ts';

const UUID = '7f1c1b7e-0000-4000-8000-000000000000';
const LINE = { name: 'vm', uuid: UUID, isLibvirts: true };
const OWN = process.getuid?.() ?? 0;
const OTHER = OWN + 1;

describe('the libvirt of a QEMU', () => {
  const scratch = useScratchDirectory();
  let records: Records;

  beforeEach(() => {
    records = { system: scratch('system'), session: (uid) => scratch(`session-${uid}`) };
    for (const folder of [records.system, records.session(OWN), records.session(OTHER)]) {
      mkdirSync(folder, { recursive: true });
    }
    writeFileSync(`${records.system}/vm.pid`, '10\n');
    writeFileSync(`${records.system}/7.pid`, '12\n');
    writeFileSync(`${records.session(OWN)}/mine.pid`, '11');
    writeFileSync(`${records.session(OTHER)}/theirs.pid`, '13');
  });

  it('is the one whose record names the process', () => {
    expect(findDomain(10, OTHER, LINE, lookAtThisHost(), records)).to.deep.equal({
      uri: 'qemu:///system',
      domain: 'vm',
      isProven: true,
    });
    expect(findDomain(11, OWN, { ...LINE, name: 'mine' }, lookAtThisHost(), records)).to.deep.equal({
      uri: 'qemu:///session',
      domain: 'mine',
      isProven: true,
    });
  });

  it('is none for a process that says so, and that the records do not name', () => {
    expect(findDomain(20, OTHER, LINE, lookAtThisHost(), records), 'of a domain that another one is').to.equal(null);
    expect(findDomain(20, OWN, { ...LINE, name: 'gone' }, lookAtThisHost(), records)).to.equal(null);
    expect(
      findDomain(13, OTHER, { ...LINE, name: 'theirs' }, lookAtThisHost(), records),
      "another user's session",
    ).to.equal(null);
    expect(findDomain(10, OTHER, { ...LINE, name: '../vm' }, lookAtThisHost(), records)).to.equal(null);
  });

  it('takes a name of digits by the uuid, as virsh takes a number for an id', () => {
    expect(findDomain(12, OTHER, { ...LINE, name: '7' }, lookAtThisHost(), records)?.domain).to.equal(UUID);
    expect(findDomain(12, OTHER, { ...LINE, name: '7', uuid: null }, lookAtThisHost(), records)).to.equal(null);
  });

  it('is taken at the word of the process only where the record may not be read', () => {
    chmodSync(records.system, 0);
    // Root reads everything.
    if (OWN === 0) process.seteuid?.(OTHER);
    try {
      expect(findDomain(20, OTHER, LINE, lookAtThisHost(), records)).to.deep.equal({
        uri: 'qemu:///system',
        domain: 'vm',
        isProven: false,
      });
      expect(findDomain(20, OTHER, { ...LINE, isLibvirts: false }, lookAtThisHost(), records)).to.equal(null);
    } finally {
      if (OWN === 0) process.seteuid?.(OWN);
      chmodSync(records.system, 0o755);
    }
  });
});
