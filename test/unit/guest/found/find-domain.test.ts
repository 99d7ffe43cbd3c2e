import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { findDomain, type Records, systemRecordOf } from '../../../../src/guest/found/find-domain.ts';
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

  describe('by what is seen of its records', () => {
    /** Which records are asked for, and what is told of it. */
    function find(
      line: Partial<typeof LINE>,
      seen: Readonly<Record<string, string | null>>,
      { pid = 10, isOwnUser = true } = {},
    ) {
      const asked: string[] = [];
      const record = (path: string) => {
        asked.push(path);
        return seen[path];
      };
      const domain = findDomain(pid, 5, { ...LINE, ...line }, { record, isOwnUser: () => isOwnUser });
      return { domain, asked };
    }
    const SYSTEM = '/run/libvirt/qemu/vm.pid';
    const SESSION = '/run/user/5/libvirt/qemu/run/vm.pid';

    it('looks into those of the system first, and of the session only of its own user', () => {
      const system = { uri: 'qemu:///system', domain: 'vm', isProven: true };
      const session = { uri: 'qemu:///session', domain: 'vm', isProven: true };
      expect(find({}, { [SYSTEM]: ' 10\n', [SESSION]: '10' })).to.deep.equal({ domain: system, asked: [SYSTEM] });
      expect(find({}, { [SESSION]: '10' })).to.deep.equal({ domain: session, asked: [SYSTEM, SESSION] });
      expect(find({}, { [SESSION]: '10' }, { isOwnUser: false })).to.deep.equal({ domain: null, asked: [SYSTEM] });
      expect(find({}, { [SYSTEM]: '100', [SESSION]: '1' })).to.deep.equal({ domain: null, asked: [SYSTEM, SESSION] });
    });

    it('takes the word of a process of libvirt where a record is hidden, and of no other', () => {
      const system = { uri: 'qemu:///system', domain: 'vm', isProven: false };
      const session = { uri: 'qemu:///session', domain: 'vm', isProven: false };
      expect(find({}, { [SYSTEM]: null }).domain).to.deep.equal(system);
      expect(find({}, { [SYSTEM]: null }, { isOwnUser: false }).domain).to.deep.equal(system);
      expect(find({}, { [SESSION]: null }).domain).to.deep.equal(session);
      expect(find({}, { [SYSTEM]: null, [SESSION]: null }).domain).to.deep.equal(session);
      expect(find({}, {}).domain).to.equal(null);
      expect(find({ isLibvirts: false }, { [SYSTEM]: null, [SESSION]: null }).domain).to.equal(null);
    });

    it('looks nowhere for a name that is none of a file', () => {
      for (const name of ['', 'a/b', 'a\0b']) {
        expect(find({ name }, {})).to.deep.equal({ domain: null, asked: [] });
        expect(systemRecordOf(name)).to.equal(undefined);
      }
      expect(systemRecordOf(null)).to.equal(undefined);
      expect(systemRecordOf('vm')).to.equal(SYSTEM);
    });
  });
});
