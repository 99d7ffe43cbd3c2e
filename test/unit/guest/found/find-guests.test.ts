import { expect } from 'chai';
import { findGuests, reachOf } from '../../../../src/guest/found/find-guests.ts';
import type { FoundChannel } from '../../../../src/guest/found/found-guest.ts';
import type { HostLook } from '../../../../src/guest/found/host-look.ts';
import { lookAtThisHost } from '../../../../src/guest/found/this-host.ts';
import { fakeHostLook, type SeenProcess } from '../../../support/host/fake-host-look.ts';

const DOMAIN = { uri: 'qemu:///system', domain: 'vm', isProven: true };

describe('what reaches a guest', () => {
  const before = process.env['LIBVIRT_DEFAULT_URI'];

  afterEach(() => {
    if (before === undefined) delete process.env['LIBVIRT_DEFAULT_URI'];
    else process.env['LIBVIRT_DEFAULT_URI'] = before;
  });

  it('is the libvirt of this host, whichever one the environment names', () => {
    delete process.env['LIBVIRT_DEFAULT_URI'];
    expect(reachOf([], DOMAIN, lookAtThisHost())).to.deep.equal({ qmp: 'libvirt:vm' });
    process.env['LIBVIRT_DEFAULT_URI'] = 'qemu+ssh://lab/system';
    expect(reachOf([], DOMAIN, lookAtThisHost())).to.deep.equal({ qmp: 'libvirt:qemu:///system/vm' });
    process.env['LIBVIRT_DEFAULT_URI'] = 'qemu:///session';
    expect(reachOf([], { ...DOMAIN, uri: 'qemu:///session' }, lookAtThisHost())).to.deep.equal({ qmp: 'libvirt:vm' });
  });

  const channel = (purpose: FoundChannel['purpose'], state: FoundChannel['state'], name = purpose): FoundChannel => ({
    purpose,
    endpoint: `unix:/run/${name}`,
    address: `/run/${name}`,
    state,
    holder: null,
  });
  const byName = { domainEndpoint: (uri: string, domain: string) => `libvirt:${uri}/${domain}` };

  it('is a monitor of its own that has no client, before its libvirt, and that before a stub', () => {
    const gdb = channel('gdb', 'free');
    expect(reachOf([gdb, channel('qmp', 'free')], DOMAIN, byName)).to.deep.equal({ qmp: 'unix:/run/qmp' });
    expect(reachOf([gdb, channel('qmp', 'unknown')], DOMAIN, byName)).to.deep.equal({ qmp: 'unix:/run/qmp' });
    for (const monitor of [
      channel('qmp', 'held'),
      channel('qmp', 'absent'),
      channel('hmp', 'free'),
      channel('unknown', 'free'),
      { ...channel('qmp', 'free'), endpoint: null },
    ]) {
      const channels = [monitor, gdb];
      expect(reachOf(channels, DOMAIN, byName)).to.deep.equal({ qmp: 'libvirt:qemu:///system/vm' });
      expect(reachOf(channels, null, byName)).to.deep.equal({ gdb: 'unix:/run/gdb' });
      expect(reachOf(channels, DOMAIN, { domainEndpoint: () => null })).to.deep.equal({ gdb: 'unix:/run/gdb' });
      expect(reachOf([monitor, channel('gdb', 'held')], null, byName)).to.equal(null);
    }
    const two = [channel('qmp', 'held', 'hmp'), channel('qmp', 'free')];
    expect(reachOf(two, null, byName), 'the first that is free').to.deep.equal({ qmp: 'unix:/run/qmp' });
  });
});

const words = (text: string): string[] => ['qemu-system-x86_64', ...text.split(' ').filter((word) => word !== '')];
const NAMESPACES = { mnt: 'mnt:[1]', net: 'net:[1]', pid: 'pid:[1]', user: 'user:[1]' };
const SELF: SeenProcess = { namespaces: NAMESPACES };
const PLAIN: SeenProcess = { uid: 0, words: words(''), namespaces: NAMESPACES };

function findOne(seen: SeenProcess, replaced: Partial<HostLook> = {}) {
  const { guests } = findGuests(fakeHostLook({ 10: { ...PLAIN, ...seen }, self: SELF }, replaced));
  expect(guests).to.have.lengthOf(1);
  return guests[0];
}

describe('the QEMUs of a host', () => {
  it('are told with all that is seen of them, in the order of their process ids', () => {
    // Of one network the tables are the same for all.
    const unix = [
      { inode: 1, isListening: true, path: '/var/lib/monitor.sock' },
      { inode: 2, isListening: true, path: '/run/agent' },
    ];
    const libvirts: SeenProcess = {
      uid: 107,
      executable: '/usr/bin/qemu-system-x86_64 (deleted)',
      words: [
        ...words('-name guest=web -machine pc-q35-7.2,accel=kvm -chardev socket,id=charmonitor,fd=20,server=on'),
        ...['-mon', 'chardev=charmonitor,mode=control', '-gdb', 'tcp::1234', '-monitor', 'stdio'],
      ],
      usesKvm: true,
      cgroup: '0::/system.slice/docker-0123456789abcdef.scope\n',
      status: 'Name:\tqemu\nNSpid:\t20\t1\n',
      namespaces: { mnt: 'mnt:[2]', net: 'net:[1]', pid: 'pid:[2]' },
      sockets: { 1: 20, 2: 21 },
      unix,
    };
    const asked: unknown[] = [];
    const look = fakeHostLook(
      {
        self: SELF,
        10: { ...PLAIN, words: words('-s'), unix },
        20: libvirts,
        30: { ...PLAIN, executable: '/usr/bin/qemu-img', words: ['qemu-img', 'info'] },
        40: { ...PLAIN, executable: '/usr/bin/bash', words: ['qemu-system-x86_64'] },
      },
      {
        isIncomplete: true,
        record: (path) => {
          asked.push(path);
          return path === '/run/libvirt/qemu/web.pid' ? '20\n' : undefined;
        },
        socketAt: (path) => (path.endsWith('/var/lib/monitor.sock') ? '1:1' : undefined),
      },
    );
    expect(findGuests(look)).to.deep.equal({
      guests: [
        {
          pid: 10,
          name: null,
          uid: 0,
          user: 'root',
          program: 'qemu-system-x86_64',
          accelerator: 'tcg',
          machine: null,
          libvirt: null,
          container: null,
          otherNamespaces: [],
          innerPid: null,
          channels: [
            { purpose: 'gdb', address: ':1234', endpoint: 'tcp:127.0.0.1:1234', state: 'absent', holder: null },
          ],
          reach: null,
        },
        {
          pid: 20,
          name: 'web',
          uid: 107,
          user: null,
          program: 'qemu-system-x86_64',
          accelerator: 'kvm',
          machine: 'pc-q35-7.2',
          libvirt: { uri: 'qemu:///system', domain: 'web', isProven: true },
          container: 'docker 0123456789ab',
          otherNamespaces: ['mnt', 'pid'],
          innerPid: 1,
          channels: [
            {
              purpose: 'qmp',
              address: '/var/lib/monitor.sock',
              endpoint: 'unix:/var/lib/monitor.sock',
              state: 'free',
              holder: null,
            },
            { purpose: 'gdb', address: ':1234', endpoint: 'tcp:127.0.0.1:1234', state: 'absent', holder: null },
            { purpose: 'unknown', address: '/run/agent', endpoint: null, state: 'free', holder: null },
          ],
          reach: { qmp: 'unix:/var/lib/monitor.sock' },
        },
      ],
      isIncomplete: true,
    });
    expect(asked).to.deep.equal(['/run/libvirt/qemu/web.pid']);
  });

  it('are none that are gone meanwhile', () => {
    const { uid, ...gone } = PLAIN;
    const { words: said, ...silent } = { ...PLAIN, executable: '/usr/bin/qemu-system-x86_64' };
    expect(findGuests(fakeHostLook({ 10: gone, 11: silent, self: SELF }))).to.deep.equal({
      guests: [],
      isIncomplete: false,
    });
  });

  it('run by KVM where the kernel shows it, else by what their words leave no choice of', () => {
    const accelerators = (usesKvm: boolean | undefined, said: string) =>
      findOne({ words: words(said), ...(usesKvm === undefined ? {} : { usesKvm }) })?.accelerator;
    expect(accelerators(true, '-accel tcg')).to.equal('kvm');
    expect(accelerators(false, '-machine q35,accel=kvm:tcg')).to.equal('tcg');
    expect(accelerators(false, '-accel kvm')).to.equal(null);
    expect(accelerators(undefined, '-machine q35,accel=kvm:tcg')).to.equal(null);
    expect(accelerators(undefined, '-accel kvm')).to.equal('kvm');
    expect(accelerators(undefined, '')).to.equal('tcg');
  });

  it('have their configuration files read as that process and its user', () => {
    const asked: unknown[] = [];
    const configuration = (...of: readonly [number, number, string]): string | undefined => {
      asked.push(of);
      return of[2] === '/etc/a.cfg' ? '[name]\nguest = "filed"\n' : undefined;
    };
    const found = findOne({ uid: 5, words: words('-readconfig /etc/b.cfg -readconfig /etc/a.cfg') }, { configuration });
    expect(found?.name).to.equal('filed');
    expect(asked).to.deep.equal([
      [10, 5, '/etc/b.cfg'],
      [10, 5, '/etc/a.cfg'],
    ]);
    asked.length = 0;
    findOne({}, { configuration });
    expect(asked).to.deep.equal([]);
  });

  it('whose network is hidden have their own tables', () => {
    const path = '/run/a';
    const unix = (inode: number) => [{ inode, isListening: true, path }];
    const hidden = { ...PLAIN, namespaces: {}, words: words(`-qmp unix:${path},server=on`) };
    const { guests } = findGuests(
      fakeHostLook({
        10: { ...hidden, sockets: { 1: 3 }, unix: unix(1) },
        11: { ...hidden, sockets: { 2: 3 }, unix: unix(2) },
        self: SELF,
      }),
    );
    expect(guests.map(({ channels }) => channels.map(({ state }) => state))).to.deep.equal([['free'], ['free']]);
    expect(guests.map(({ otherNamespaces }) => otherNamespaces)).to.deep.equal([[], []]);
  });
});
