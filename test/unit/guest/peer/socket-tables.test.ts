import { expect } from 'chai';
import {
  findTcpSocket,
  MOST_READS,
  readListeningPorts,
  readTcpSockets,
  readUnixSockets,
  tcpSocketsOf,
  unixSocketsOf,
} from '../../../../src/guest/peer/socket-tables.ts';
import { OpenSockets, portOf } from '../../../support/host/open-sockets.ts';

const HEAD = 'Num       RefCount Protocol Flags    Type St Inode Path';
const row = (inode: number, path: string, flags = '00000000'): string =>
  `0000000000000000: 00000002 00000000 ${flags} 0001 01 ${inode} ${path}`;
const table = (...rows: readonly string[]): string => `${[HEAD, ...rows].join('\n')}\n`;
const listening = row(12345, '/run/vm.qmp', '00010000');

describe('guest/readUnixSockets', () => {
  it('reads again where a socket has two rows: those of one that came meanwhile push others into the next piece', () => {
    const tables = [table(listening, listening), table(listening, row(777, '/run/b'), listening), table(listening)];
    const sockets = readUnixSockets('self', () => tables.shift() ?? '');
    expect(sockets).to.deep.equal([{ inode: 12345, isListening: true, path: '/run/vm.qmp' }]);
    expect(tables).to.deep.equal([]);
  });

  it('trusts no table in which one has two rows each time, and does not read without end', () => {
    let reads = 0;
    const sockets = readUnixSockets('self', () => {
      reads += 1;
      return table(listening, row(777, '/tmp/a'), row(12345, '/x'));
    });
    expect(sockets).to.equal(undefined);
    expect(reads).to.equal(MOST_READS).and.equal(5);
  });

  it('leaves out what has no inode yet, and no name', () => {
    const sockets = readUnixSockets('self', () =>
      table(row(0, '/run/vm.qmp'), row(9, '').trimEnd(), row(8, '@abstract')),
    );
    expect(sockets).to.deep.equal([{ inode: 8, isListening: false, path: '@abstract' }]);
  });
});

describe('guest/unixSocketsOf', () => {
  it('reads each row to the end of its name, in bytes, and whether it listens', () => {
    const rows = [
      row(12, '/run/a b  c ', '00010000'),
      row(13, '/run/13 x', '00010001'),
      row(14, '/run/\u00c3\u00a9', '00000001'),
      row(15, '@', '00020000'),
      'ffff9d5bc2a40000: 00000002 00000000 00010000 0001 01    16 /run/padded',
    ];
    expect(unixSocketsOf(table(...rows))).to.deep.equal([
      { inode: 12, isListening: true, path: '/run/a b  c ' },
      { inode: 13, isListening: true, path: '/run/13 x' },
      { inode: 14, isListening: false, path: '/run/é' },
      { inode: 15, isListening: false, path: '@' },
      { inode: 16, isListening: true, path: '/run/padded' },
    ]);
  });

  it('takes the first line for a heading, and no row without a number', () => {
    expect(unixSocketsOf(`${listening}\n`)).to.deep.equal([]);
    expect(unixSocketsOf(table('cut short', row(1, '/a').replace(' 1 /a', ' x /a')))).to.deep.equal([]);
    expect(unixSocketsOf('')).to.deep.equal([]);
  });

  it('takes a name from behind the first word that is its number', () => {
    expect(unixSocketsOf(table(' 16 2 0 00010000 1 1 16 /x', '1: 2 0 00010000 17 1 17 /y 17 z'))).to.deep.equal([
      { inode: 16, isListening: true, path: '2 0 00010000 1 1 16 /x' },
      { inode: 17, isListening: true, path: '1 17 /y 17 z' },
    ]);
  });

  it('counts a second row of a socket also where it has no name', () => {
    expect(unixSocketsOf(table(row(5, '').trimEnd(), row(5, '/run/a')))).to.equal(undefined);
    expect(unixSocketsOf(table(row(0, '/run/a'), row(0, '/run/a')))).to.deep.equal([]);
  });
});

describe('guest/tcpSocketsOf', () => {
  const tcp = (local: string, remote: string, state: string, uid: number, inode: number): string =>
    `  12: ${local} ${remote} ${state} 00000001:00000002 00:00000000 00000003  ${uid}        4 ${inode} 1 0000 100 0`;

  it('reads what listens and what is connected, and nothing else', () => {
    const rows = ['heading', tcp('0100007F:115C', '00000000:0000', '0A', 107, 55)];
    rows.push(tcp('0100007F:FFFF', '0200007F:0001', '01', 0, 56), tcp('0100007F:1', '0200007F:2', '06', 0, 57), '');
    expect(tcpSocketsOf(rows.join('\n'))).to.deep.equal([
      { local: '0100007F:115C', remote: '00000000:0000', port: 4444, inode: 55, uid: 107, state: 'listening' },
      { local: '0100007F:FFFF', remote: '0200007F:0001', port: 65_535, inode: 56, uid: 0, state: 'connected' },
    ]);
    expect(tcpSocketsOf('')).to.deep.equal([]);
  });
});

describe('the TCP sockets of this host', () => {
  it('are those that listen, and each end of a connection', async () => {
    await using open = new OpenSockets();
    const server = await open.listen({ host: '127.0.0.1', port: 0 });
    const port = portOf(server);
    const { client } = await open.connect(server);
    const uid = process.getuid?.() ?? 0;
    const rows = readTcpSockets('self').filter((each) => each.port === port);
    expect(rows.map(({ state }) => state).sort()).to.deep.equal(['connected', 'listening']);
    const inodeOf = (state: string) => rows.find((each) => each.state === state)?.inode;
    expect(readListeningPorts().filter((each) => each.port === port)).to.deep.equal([
      { port, inode: inodeOf('listening'), uid },
    ]);
    const own = { address: '127.0.0.1', port };
    const other = { address: '127.0.0.1', port: client.localPort ?? 0 };
    expect(findTcpSocket(own, other)).to.deep.equal({ inode: inodeOf('connected'), uid });
    expect(findTcpSocket(other, own)?.inode).to.not.equal(inodeOf('connected'));
    expect(findTcpSocket(own, { ...other, address: '127.0.0.2' })).to.equal(undefined);
    expect(findTcpSocket({ ...own, port: 1 }, other)).to.equal(undefined);
    expect(findTcpSocket(own, { address: '0.0.0.0', port: 0 }), 'one that listens').to.equal(undefined);
    expect(findTcpSocket({ ...own, address: '::1' }, { ...other, address: '::1' })).to.equal(undefined);
  });

  it('are none of a process that is gone', () => {
    expect(readTcpSockets(2 ** 22 + 1)).to.deep.equal([]);
  });
});
