import { expect } from 'chai';
import type { FoundChannel } from '../../../../src/guest/found/found-guest.ts';
import { byLibvirt, describeHeldMonitor, heldMonitorOf, nameHolder } from '../../../../src/guest/found/held-monitor.ts';
import { OpenSockets } from '../../../support/host/open-sockets.ts';
import { QemuLookAlike } from '../../../support/host/qemu-look-alike.ts';
import { useScratchDirectory } from '../../../support/live/scratch-directory.ts';

const channel = (purpose: FoundChannel['purpose'], state: FoundChannel['state'], address: string): FoundChannel => ({
  purpose,
  endpoint: `unix:${address}`,
  address,
  state,
  holder: null,
});

describe('a monitor that another client holds', () => {
  it('is the first that is one, and held', () => {
    const held = channel('qmp', 'held', '/run/b');
    const second = channel('qmp', 'held', '/run/c');
    const channels = [channel('qmp', 'free', '/run/a'), channel('gdb', 'held', '/run/g'), held, second];
    expect(heldMonitorOf({ channels })).to.equal(held);
    expect(heldMonitorOf({ channels }, ({ address }) => address === '/run/c')).to.equal(second);
    expect(heldMonitorOf({ channels }, ({ address }) => address === '/run/a')).to.equal(undefined);
    expect(heldMonitorOf({ channels: channels.slice(0, 2) })).to.equal(undefined);
  });

  it('is named with who holds it, and with what reaches the guest all the same', () => {
    const libvirt = { uri: 'qemu:///system', domain: 'web 1', isProven: true };
    const guest = { pid: 10, reach: null, libvirt: null };
    const said = 'the monitor of QEMU 10 at "unix:/run/q" is held by';
    const turn = 'and serves one client at a time;';
    const free = 'end that client, or give QEMU a second -qmp socket';
    const holder = { pid: 50, program: 'virtqemud' };
    expect(describeHeldMonitor('unix:/run/q', { holder: null }, guest)).to.equal(
      `${said} another client, ${turn} ${free}`,
    );
    expect(describeHeldMonitor('unix:/run/q', { holder }, guest)).to.equal(`${said} virtqemud (50), ${turn} ${free}`);
    expect(describeHeldMonitor('unix:/run/q', { holder: { pid: 50, program: null } }, guest)).to.equal(
      `${said} process (50), ${turn} ${free}`,
    );
    expect(describeHeldMonitor('unix:/run/q', { holder }, { ...guest, libvirt })).to.equal(
      `${said} virtqemud (50), ${turn} ${byLibvirt(libvirt)}`,
    );
    expect(describeHeldMonitor('unix:/run/q', { holder }, { ...guest, libvirt, reach: { qmp: 'tcp:a:1' } })).to.equal(
      `${said} virtqemud (50), ${turn} reach the guest with --qmp tcp:a:1`,
    );
    expect(describeHeldMonitor('unix:/run/q', { holder }, { ...guest, reach: { gdb: 'tcp:a:2' } })).to.equal(
      `${said} virtqemud (50), ${turn} reach the guest with --gdb tcp:a:2`,
    );
    expect(byLibvirt({ uri: 'qemu:///session', domain: 'vm', isProven: false })).to.equal(
      'reach it through its libvirt, with that host\'s name: --qmp libvirt:qemu+ssh://HOST/session/"vm"',
    );
  });

  describe('of a QEMU of this host', () => {
    const scratch = useScratchDirectory();

    it('is found by its endpoint, and by no other', async () => {
      const path = scratch('vm.qmp');
      const cause = new Error('no greeting');
      await using open = new OpenSockets();
      const monitor = await open.listen(path);
      const { accepted } = await open.connect(monitor);
      const words = ['-qmp', `unix:${path},server=on`];
      const program = scratch('qemu-system-look-alike');
      {
        await using _ = await QemuLookAlike.start(program, { words, sockets: [monitor] });
        expect(nameHolder(`unix:${path}`, cause), 'it is free').to.equal(undefined);
      }
      await using qemu = await QemuLookAlike.start(program, { words, sockets: [monitor, accepted] });
      const error = nameHolder(`unix:${path},server=on`, cause);
      expect(error).to.have.property('cause', cause);
      expect(error?.message)
        .to.match(/^the monitor of QEMU /)
        .and.include(`QEMU ${qemu.pid} at "unix:${path},server=on" is held by `)
        .and.match(/, and serves one client at a time; end that client, or give QEMU a second -qmp socket$/);
      expect(nameHolder(`unix:${scratch('other.qmp')}`, cause)).to.equal(undefined);
    });
  });
});
