import { expect } from 'chai';
import type { HostFiles } from '../../../../protocols/transport/internal.ts';
import { findGuests } from '../../../../src/guest/found/find-guests.ts';
import { lookAtOtherHost } from '../../../../src/guest/found/other-host.ts';

const HEAD = 'Num       RefCount Protocol Flags    Type St Inode Path';
const listening = (inode: number, path: string): string =>
  `0000000000000000: 00000002 00000000 00010000 0001 01 ${inode} ${path}`;
const accepted = (inode: number, path: string): string =>
  `0000000000000000: 00000003 00000000 00000000 0001 03 ${inode} ${path}`;
const table = (...rows: readonly string[]): string => `${[HEAD, ...rows].join('\n')}\n`;
const TCP_HEAD = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';
const tcp = (local: string, remote: string, state: string, inode: number): string =>
  `   0: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1`;
const words = (text: string): string => `${text.split(' ').join('\0')}\0`;

/** `é` as bytes. */
const E_ACUTE = '\u00c3\u00a9';

/** What is on the other host, by path. */
const TEXTS: Readonly<Record<string, string | null>> = {
  '/proc/10/cmdline': words(
    `qemu-system-x86_64 -name guest=caf${E_ACUTE} -qmp unix:/run/a.qmp,server=on -gdb tcp::1234 -readconfig /etc/a.cfg`,
  ),
  '/proc/10/cgroup': '0::/docker/0123456789ab\n',
  '/proc/10/status': 'Name:\tqemu\nUid:\t1\t107\t3\t4\nNSpid:\t10\t1\n',
  '/proc/10/net/unix': table(
    listening(101, '/run/a.qmp'),
    accepted(102, '/run/a.qmp'),
    listening(103, `/run/b${E_ACUTE}`),
  ),
  '/proc/10/net/tcp': [TCP_HEAD, tcp('00000000:04D2', '00000000:0000', '0A', 104), ''].join('\n'),
  '/proc/10/net/tcp6': [
    TCP_HEAD,
    tcp('0100007F:04D2', '0100007F:9000', '01', 105),
    tcp('0100007F:9000', '0100007F:04D2', '01', 106),
    tcp('0100007F:9001', '0100007F:04D2', '01', 107),
    tcp('0100007F:9000', '0100007F:04D3', '01', 108),
    '',
  ].join('\n'),
  '/proc/20/cmdline': words('qemu-kvm -s'),
  '/proc/20/status': 'Name:\tqemu\n',
  '/proc/20/net/unix': null,
  '/proc/30/cmdline': words('/usr/bin/bash -c qemu-system'),
  '/proc/50/cmdline': '',
  '/proc/self/net/unix': table(),
  '/etc/passwd': `root:x:0:0::/:/bin/sh\nqemu-${E_ACUTE}:x:107:1::/:/bin/false\n`,
  '/run/libvirt/qemu/café.pid': '10\n',
};
const LINKS: Readonly<Record<string, string>> = {
  '/proc/10/exe': '/usr/bin/qemu-system-x86_64',
  '/proc/30/exe': '/usr/bin/bash',
  '/proc/40/exe': '/usr/bin/qemu-img',
  '/proc/10/ns/net': 'net:[1]',
  '/proc/self/ns/net': 'net:[1]',
  '/proc/10/ns/mnt': 'mnt:[2]',
  '/proc/self/ns/mnt': 'mnt:[1]',
};
const OPENED: Readonly<Record<number, readonly (readonly [number, string])[]>> = {
  10: [
    [0, '/dev/null'],
    [3, 'socket:[101]'],
    [4, 'socket:[102]'],
    [5, 'socket:[103]'],
    [6, 'socket:[104]'],
    [7, 'socket:[105]'],
    [8, 'anon_inode:kvm-vm'],
    [9, 'xsocket:[1]'],
  ],
};
const SOCKETS: Readonly<Record<string, string>> = {
  '/run/a.qmp': '1:1',
  '/proc/10/root/run/a.qmp': '1:1',
  '/proc/10/root/run/bé': '1:2',
};

/** The host, and what was asked of it. */
function otherHost(replaced: Partial<HostFiles> = {}) {
  const asked: Record<string, unknown[]> = {
    texts: [],
    links: [],
    opened: [],
    sockets: [],
    sharers: [],
    otherEnds: [],
  };
  const files: HostFiles = {
    processes: () => Promise.resolve([50, 40, 30, 20, 10]),
    texts: (paths) => {
      asked['texts']?.push(paths);
      return Promise.resolve(paths.map((path) => TEXTS[path]));
    },
    links: (paths) => {
      asked['links']?.push(paths);
      return Promise.resolve(paths.map((path) => LINKS[path]));
    },
    opened: (pids) => {
      asked['opened']?.push(pids);
      return Promise.resolve(pids.map((pid) => OPENED[pid]));
    },
    sockets: (paths) => {
      asked['sockets']?.push(paths);
      return Promise.resolve(paths.map((path) => SOCKETS[path]));
    },
    sharers: (inodes) => {
      asked['sharers']?.push(inodes);
      return Promise.resolve(
        new Map([
          [202, 60],
          [106, 70],
        ]),
      );
    },
    otherEnds: () => Promise.resolve('u_str ESTAB 0 0 /run/a.qmp 102 * 202\nu_str ESTAB 0 0 * 9 * 109\n'),
    close: () => Promise.resolve(),
    ...replaced,
  };
  return { files, asked };
}

describe('a look at another host', () => {
  it('asks beforehand for all that is looked at, and no more', async () => {
    const { files, asked } = otherHost();
    await lookAtOtherHost(files, 'ssh lab');
    const [exes, spaces] = asked['links'] ?? [];
    expect(exes).to.deep.equal([50, 40, 30, 20, 10].map((pid) => `/proc/${pid}/exe`));
    expect(spaces).to.deep.equal(
      ['20', '10', 'self'].flatMap((pid) => ['mnt', 'net', 'pid', 'user'].map((kind) => `/proc/${pid}/ns/${kind}`)),
    );
    const [lines, ...others] = asked['texts'] ?? [];
    expect(lines, 'whose program is not shown may be one').to.deep.equal(
      [50, 20, 10].map((pid) => `/proc/${pid}/cmdline`),
    );
    expect(others).to.deep.equal([
      [
        ...[20, 10].flatMap((pid) => [`/proc/${pid}/cgroup`, `/proc/${pid}/status`]),
        ...['20', '10', 'self'].flatMap((pid) => [`/proc/${pid}/net/tcp`, `/proc/${pid}/net/tcp6`]),
        ...['/etc/passwd', '/run/libvirt/qemu/café.pid'],
      ],
      ['20', '10', 'self'].map((pid) => `/proc/${pid}/net/unix`),
    ]);
    expect(asked['opened']).to.deep.equal([[20, 10]]);
    expect(asked['sharers'], 'who has the other ends').to.deep.equal([[202, 106]]);
    expect(asked['sockets']).to.deep.equal([
      ['/run/a.qmp', '/proc/10/root/run/a.qmp', '/run/bé', '/proc/10/root/run/bé'],
    ]);
  });

  it('shows what is there', async () => {
    const look = await lookAtOtherHost(otherHost().files, 'ssh lab');
    expect(look.isIncomplete).to.equal(false);
    expect(look.processes()).to.deep.equal([20, 10]);
    expect([10, 20].map((pid) => look.executable(pid))).to.deep.equal(['/usr/bin/qemu-system-x86_64', undefined]);
    expect(look.words(20)).to.deep.equal(['qemu-kvm', '-s']);
    expect([10, 20, 30].map((pid) => look.user(pid))).to.deep.equal([107, undefined, undefined]);
    expect([0, 107, 1].map((uid) => look.userName(uid))).to.deep.equal(['root', 'qemu-é', null]);
    expect(look.text(10, 'cgroup')).to.equal('0::/docker/0123456789ab\n');
    expect(look.text(20, 'cgroup')).to.equal('');
    expect(look.namespace(10, 'mnt')).to.equal('mnt:[2]');
    expect(look.namespace('self', 'pid')).to.equal('');
    expect([10, 20].map((pid) => look.usesKvm(pid))).to.deep.equal([true, undefined]);
    expect([...look.sockets(10)]).to.deep.equal([
      [101, 3],
      [102, 4],
      [103, 5],
      [104, 6],
      [105, 7],
    ]);
    expect([...look.sockets(20)]).to.deep.equal([]);
    expect(look.unixSockets(10)).to.deep.equal([
      { inode: 101, isListening: true, path: '/run/a.qmp' },
      { inode: 102, isListening: false, path: '/run/a.qmp' },
      { inode: 103, isListening: true, path: '/run/bé' },
    ]);
    expect(look.unixSockets('self')).to.deep.equal([]);
    expect(look.tcpSockets(10).map(({ inode, state, port }) => ({ inode, state, port }))).to.deep.equal([
      { inode: 104, state: 'listening', port: 1234 },
      { inode: 105, state: 'connected', port: 1234 },
      { inode: 106, state: 'connected', port: 0x9000 },
      { inode: 107, state: 'connected', port: 0x9001 },
      { inode: 108, state: 'connected', port: 0x9000 },
    ]);
    expect(look.tcpSockets('self')).to.deep.equal([]);
    expect([...look.otherEnds()]).to.deep.equal([
      [102, 202],
      [9, 109],
    ]);
    expect(look.holder([1, 106, 202])).to.equal(70);
    expect(look.holder([1])).to.equal(undefined);
    expect(look.socketAt('/run/a.qmp')).to.equal('1:1');
    expect(look.socketAt('/run/other')).to.equal(undefined);
    expect(look.configuration(10, 107, '/etc/a.cfg')).to.equal(undefined);
    expect(look.isOwnUser(107)).to.equal(false);
    expect(look.endpoint({ kind: 'unix', path: '/run/a.qmp' })).to.equal('host:[ssh lab]unix:/run/a.qmp');
    expect(look.domainEndpoint('qemu:///system', 'café')).to.equal(null);
  });

  it('shows what may not be read as such', async () => {
    const texts: HostFiles['texts'] = (paths) =>
      Promise.resolve(paths.map((path) => (path.startsWith('/run/libvirt/') ? null : TEXTS[path])));
    const look = await lookAtOtherHost(otherHost({ texts }).files, 'ssh lab');
    expect(look.record('/run/libvirt/qemu/café.pid')).to.equal(null);
    expect(look.record('/run/libvirt/qemu/other.pid')).to.equal(undefined);
  });

  it('is what its QEMUs are found by', async () => {
    const { guests } = findGuests(await lookAtOtherHost(otherHost().files, 'ssh lab'));
    expect(guests, 'the user of the other one is not seen').to.deep.equal([
      {
        pid: 10,
        name: 'café',
        uid: 107,
        user: 'qemu-é',
        program: 'qemu-system-x86_64',
        accelerator: 'kvm',
        machine: null,
        libvirt: { uri: 'qemu:///system', domain: 'café', isProven: true },
        container: 'docker 0123456789ab',
        otherNamespaces: ['mnt'],
        innerPid: 1,
        channels: [
          {
            purpose: 'qmp',
            address: '/run/a.qmp',
            endpoint: 'host:[ssh lab]unix:/run/a.qmp',
            state: 'held',
            holder: { pid: 60, program: null },
          },
          {
            purpose: 'gdb',
            address: ':1234',
            endpoint: 'host:[ssh lab]tcp:127.0.0.1:1234',
            state: 'held',
            holder: { pid: 70, program: null },
          },
          {
            purpose: 'unknown',
            address: '/run/bé',
            endpoint: 'host:[ssh lab]unix:/proc/10/root/run/bé',
            state: 'free',
            holder: null,
          },
        ],
        reach: null,
      },
    ]);
  });

  it('reads a table of sockets again while one has two rows, and no more than five times', async () => {
    const twice = table(listening(101, '/run/a'), listening(101, '/run/a'));
    const read = async (tablesOf: (reads: number) => string) => {
      let reads = 0;
      const { files } = otherHost({
        texts: (paths) =>
          Promise.resolve(
            paths.map((path) => {
              if (path !== '/proc/10/net/unix') return TEXTS[path];
              reads += 1;
              return tablesOf(reads);
            }),
          ),
      });
      const look = await lookAtOtherHost(files, 'ssh lab');
      return { reads, sockets: look.unixSockets(10) };
    };
    const sockets = [{ inode: 101, isListening: true, path: '/run/a' }];
    expect(await read(() => table(listening(101, '/run/a')))).to.deep.equal({ reads: 1, sockets });
    expect(await read((reads) => (reads < 5 ? twice : table(listening(101, '/run/a'))))).to.deep.equal({
      reads: 5,
      sockets,
    });
    expect(await read(() => twice)).to.deep.equal({ reads: 5, sockets: [] });
  });

  it('shows none where there is no QEMU', async () => {
    const { files, asked } = otherHost({ processes: () => Promise.resolve([30, 40]) });
    const look = await lookAtOtherHost(files, 'ssh lab');
    expect(findGuests(look)).to.deep.equal({ guests: [], isIncomplete: false });
    expect(asked['sharers']).to.deep.equal([[]]);
  });
});
