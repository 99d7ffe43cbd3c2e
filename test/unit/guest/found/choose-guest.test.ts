import { expect } from 'chai';
import { chooseGuest } from '../../../../src/guest/found/choose-guest.ts';
import type { FoundChannel, FoundGuest } from '../../../../src/guest/found/found-guest.ts';
import { expectUsageError } from '../../../support/host/expect-usage-error.ts';

function guest(pid: number, more: Partial<FoundGuest> = {}): FoundGuest {
  return {
    ...{ pid, name: 'vm', uid: 0, user: 'root', program: 'qemu-system-x86_64', accelerator: 'kvm', machine: null },
    ...{ libvirt: null, container: null, otherNamespaces: [], innerPid: null, channels: [] },
    reach: { qmp: `unix:/run/${pid}` },
    ...more,
  };
}

const among = (...guests: readonly FoundGuest[]) => ({ guests, isIncomplete: false });

describe('which guest is meant', () => {
  it('is told by a process id, or by a name that one has', () => {
    const found = among(guest(10), guest(11, { name: '10' }), guest(12, { name: 'web' }));
    expect(chooseGuest('10', found)).to.deep.equal(guest(10));
    expect(chooseGuest('web', found)).to.deep.equal(guest(12, { name: 'web' }));
    expect(chooseGuest('7', among(guest(10), guest(11, { name: '7' }))).pid, 'a name of digits').to.equal(11);
  });

  it('is none of those that are there, which are named', () => {
    expectUsageError(
      () => chooseGuest('db\n', among(guest(10, { name: 'a"b' }), guest(11, { name: null }))),
      'no QEMU of this host that this user may see is "db\\n"; there are "a\\"b" (10), 11',
    );
    expectUsageError(
      () => chooseGuest('db', among(), 'that host'),
      'no QEMU of that host that this user may see is "db"; there is none',
    );
  });

  it('is not told by a name that several have', () => {
    expectUsageError(
      () => chooseGuest('vm', among(guest(10), guest(9, { name: 'web' }), guest(11, { user: null, uid: 107 }))),
      'several QEMUs call themselves "vm": take the process id: 10 (of root), 11 (of 107)',
    );
  });

  it('is not decided by a name where not every process was looked at', () => {
    const partly = { guests: [guest(10)], isIncomplete: true };
    expectUsageError(
      () => chooseGuest('vm', partly),
      'QEMU 10 calls itself "vm", and others may: this host has more processes than could be looked at in time. Take the process id',
    );
    expectUsageError(
      () => chooseGuest('db', partly),
      'no QEMU of this host that this user may see is "db"; there are "vm" (10); and this host has more processes than could be looked at in time',
    );
    expect(chooseGuest('10', partly)).to.deep.equal(guest(10));
  });

  it('is of no use where nothing reaches it, and why is said', () => {
    const held: FoundChannel = { purpose: 'qmp', endpoint: null, address: '/run/q', state: 'held', holder: null };
    const libvirt = { uri: 'qemu:///system', domain: 'vm', isProven: true };
    expectUsageError(
      () => chooseGuest('10', among(guest(10, { reach: null, channels: [held], libvirt }))),
      'the monitor of QEMU 10 at "/run/q" is held by another client, and serves one client at a time; ' +
        'reach it through its libvirt, with that host\'s name: --qmp libvirt:qemu+ssh://HOST/system/"vm"',
    );
    expectUsageError(
      () => chooseGuest('10', among(guest(10, { reach: null, libvirt }))),
      'QEMU 10 is a domain of libvirt\'s on that host: reach it through its libvirt, with that host\'s name: --qmp libvirt:qemu+ssh://HOST/system/"vm"',
    );
    expectUsageError(
      () => chooseGuest('10', among(guest(10, { reach: null }))),
      'QEMU 10 has no monitor that is reached from here: start it with -qmp unix:PATH,server=on,wait=off, or name an endpoint with --qmp',
    );
  });
});
