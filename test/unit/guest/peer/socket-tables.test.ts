import { expect } from 'chai';
import { readUnixSockets } from '../../../../src/guest/peer/socket-tables.ts';

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
    expect(reads).to.be.within(2, 10);
  });

  it('leaves out what has no inode yet, and no name', () => {
    const sockets = readUnixSockets('self', () =>
      table(row(0, '/run/vm.qmp'), row(9, '').trimEnd(), row(8, '@abstract')),
    );
    expect(sockets).to.deep.equal([{ inode: 8, isListening: false, path: '@abstract' }]);
  });
});
