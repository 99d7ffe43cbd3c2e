import { expect } from 'chai';
import { chooseGuest } from '../../../../src/guest/found/choose-guest.ts';
import type { FoundGuest } from '../../../../src/guest/found/found-guest.ts';

function guest(pid: number, more: Partial<FoundGuest> = {}): FoundGuest {
  return {
    ...{ pid, name: 'vm', uid: 0, user: 'root', program: 'qemu-system-x86_64', accelerator: 'kvm', machine: null },
    ...{ libvirt: null, container: null, otherNamespaces: [], innerPid: null, channels: [] },
    reach: { qmp: `unix:/run/${pid}` },
    ...more,
  };
}

describe('which guest is meant', () => {
  it('is told by a process id, or by a name that one has', () => {
    const guests = [guest(10), guest(11, { name: '10' }), guest(12, { name: 'web' })];
    const choose = (wanted: string) => chooseGuest(wanted, { guests, isIncomplete: false }).pid;
    expect(choose('10')).to.equal(10);
    expect(choose('web')).to.equal(12);
    expect(() => choose('db')).to.throw('no QEMU of this host');
    expect(() => chooseGuest('vm', { guests: [guest(10), guest(11)], isIncomplete: false })).to.throw('several QEMUs');
  });

  it('is not decided by a name where not every process was looked at', () => {
    const partly = { guests: [guest(10)], isIncomplete: true };
    expect(() => chooseGuest('vm', partly)).to.throw('others may: this host has more processes');
    expect(() => chooseGuest('db', partly)).to.throw('could be looked at');
    expect(chooseGuest('10', partly).pid).to.equal(10);
  });
});
