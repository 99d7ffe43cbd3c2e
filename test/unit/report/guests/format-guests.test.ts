import { expect } from 'chai';
import { encodeGuest, formatGuests } from '../../../../src/report/guests/format-guests.ts';
import type { ReportedGuest } from '../../../../src/report/guests/reported-guest.ts';
import { PLAIN } from '../../../../src/report/style.ts';
import { guestLineSchema } from '../../../support/schemas/guest-schema.ts';

const GUEST: ReportedGuest = {
  pid: 41,
  name: 'a\n42  b',
  uid: 64_055,
  user: 'libvirt-qemu',
  program: 'qemu-system-x86_64',
  accelerator: 'tcg',
  machine: 'pc-q35-7.2',
  libvirt: { uri: 'qemu:///system', domain: 'a', isProven: true },
  container: null,
  otherNamespaces: ['mnt'],
  innerPid: 7,
  channels: [
    { purpose: 'qmp', endpoint: 'unix:/m', address: '/m', state: 'held', holder: { pid: 9, program: 'libvirtd' } },
    { purpose: 'gdb', endpoint: null, address: ':1234', state: 'free', holder: null },
    { purpose: 'unknown', endpoint: 'unix:/q', address: '/q', state: 'held', holder: null },
    { purpose: 'hmp', endpoint: null, address: '/h', state: 'absent', holder: null },
  ],
  reach: { qmp: "unix:/o' b" },
};

describe('the guests of a host', () => {
  it('take a line each, and one for each socket, whatever a name contains', () => {
    expect(formatGuests([GUEST], PLAIN).split('\n')).to.deep.equal([
      '41  a\\n42  b  user libvirt-qemu  tcg  pc-q35-7.2  qemu-system-x86_64  libvirt qemu:///system  other namespaces: mnt  process 7 there',
      '    qmp  unix:/m  held by libvirtd (9)',
      '    gdb  :1234    free, not reached from here',
      '    ?    unix:/q  held by a client, purpose unknown',
      '    hmp  /h       not there',
      "    → --qmp 'unix:/o'\\'' b'",
      '',
    ]);
  });

  it('of another host are shown as that host names them, with what reaches them from here', () => {
    const far = (endpoint: string): string => `host:[ssh lab]${endpoint}`;
    const channels = [
      { purpose: 'qmp', endpoint: far('unix:/m'), address: '/m', state: 'free', holder: null },
    ] as const;
    const bare = { ...GUEST, name: 'a', otherNamespaces: [], innerPid: null, channels };
    const lines = (reach: ReportedGuest['reach']): readonly string[] =>
      formatGuests([{ ...bare, reach }], PLAIN, 'ssh lab')
        .split('\n')
        .slice(1, 3);
    expect(lines({ qmp: far('unix:/m') })).to.deep.equal([
      '    qmp  unix:/m  free',
      "    → --host 'ssh lab' --qmp unix:/m",
    ]);
    expect(lines({ qmp: 'tls:lab:4444' })[1], 'reached from here').to.equal('    → --qmp tls:lab:4444');
    // Of its libvirt only that host's own name for it is known.
    expect(lines(null)[1]).to.equal(
      "    → through its libvirt, with that host's name: --qmp libvirt:qemu+ssh://HOST/system/a",
    );
  });

  it('say so where nothing is known, or nothing reaches them', () => {
    const bare = { ...GUEST, name: null, user: null, accelerator: null, machine: null, libvirt: null };
    const text = formatGuests(
      [{ ...bare, otherNamespaces: [], innerPid: null, channels: [], reach: null, container: 'docker 0123' }],
      PLAIN,
    );
    expect(text).to.equal(
      '41  (no name)  user 64055  accelerator unknown  default machine  qemu-system-x86_64  container docker 0123\n' +
        '    → no way to it from here\n',
    );
  });

  it('are JSON objects as documented', () => {
    const told = guestLineSchema.parse(JSON.parse(encodeGuest(GUEST)));
    expect(told.qmp).to.equal("unix:/o' b");
    expect(
      guestLineSchema.parse(JSON.parse(encodeGuest({ ...GUEST, libvirt: null, reach: { gdb: 'tcp:x:1' } }))).gdb,
    ).to.equal('tcp:x:1');
  });
});
