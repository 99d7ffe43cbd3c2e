import { readFileSync } from 'node:fs';
import type { TcpEnd } from '../../../protocols/transport/index.ts';

/** A unix socket with a name, of `/proc/net/unix`. @internal */
export interface UnixSocket {
  readonly inode: number;
  readonly isListening: boolean;
  /** As it was bound: may be relative, and is meant in the root and working directory of the process that bound it. */
  readonly path: string;
}

const ACCEPTS_CONNECTIONS = 0x10000;

/** As often as a table is read to see a socket once. On a host where a thousand connections come and go, one read of a hundred fails. @internal */
export const MOST_READS = 5;

/**
 * Reads the unix sockets with a name in the network namespace of a process.
 *
 * @param read - how its table is read
 * @returns undefined when the table cannot be trusted: names are printed as they are, so that a newline in one looks like another
 * row; but no socket has two
 * @internal
 */
export function readUnixSockets(
  pid: number | 'self',
  read = () => readFileSync(`/proc/${pid}/net/unix`, 'latin1'),
): readonly UnixSocket[] | undefined {
  // The kernel hands the table over in pieces: of sockets that come in between, one that was printed already is printed again. What
  // a name makes look like a row is there each time.
  for (let left = MOST_READS; left > 0; left -= 1) {
    const sockets = unixSocketsOf(read());
    if (sockets !== undefined) return sockets;
  }
  return undefined;
}

/** The same of the table's text, byte by byte (latin1). @internal */
export function unixSocketsOf(table: string): readonly UnixSocket[] | undefined {
  const sockets: UnixSocket[] = [];
  const inodes = new Set<number>();
  for (const line of table.split('\n').slice(1)) {
    // Num RefCount Protocol Flags Type St Inode Path; the inode is padded with spaces.
    const [, , , flags = '', , , inode = ''] = line.trimStart().split(/ {1,20}/, 7);
    const number = Number(inode);
    // A connection that was not accepted yet has no inode.
    if (!Number.isSafeInteger(number) || number === 0) continue;
    if (inodes.has(number)) return undefined;
    inodes.add(number);
    const at = line.indexOf(` ${inode} `);
    if (at < 0) continue;
    const path = Buffer.from(line.slice(at + inode.length + 2), 'latin1').toString('utf8');
    sockets.push({ inode: number, isListening: (Number.parseInt(flags, 16) & ACCEPTS_CONNECTIONS) !== 0, path });
  }
  return sockets;
}

/** A connected TCP socket, of `/proc/net/tcp` and `/proc/net/tcp6`. @internal */
export interface TcpSocket {
  readonly inode: number;
  /** Who made it. */
  readonly uid: number;
}

const STATES: Readonly<Record<string, TcpRow['state']>> = { '01': 'connected', '0A': 'listening' };

/** A row of the TCP tables. @internal */
export interface TcpRow extends TcpSocket {
  readonly state: 'listening' | 'connected';
  /** As the kernel prints them, `0100007F:04D2`: the other end of a connection within this host has them the other way round. */
  readonly local: string;
  readonly remote: string;
  readonly port: number;
}

/** Files of /proc/PID/net. @internal */
export const TCP_TABLES = ['tcp', 'tcp6'];

/** The TCP sockets in the network namespace of a process that listen or are connected. @internal */
export function readTcpSockets(pid: number | 'self'): readonly TcpRow[] {
  return TCP_TABLES.flatMap((table) => tcpSocketsOf(readTable(table, pid)));
}

/** The same of a table's text. @internal */
export function tcpSocketsOf(table: string): readonly TcpRow[] {
  return table
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      // sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode
      const [, local = '', remote = '', printed = '', , , , uid, , inode] = line.trim().split(/ {1,20}/, 10);
      const state = STATES[printed];
      if (state === undefined) return [];
      const port = Number.parseInt(local.split(':', 2)[1] ?? '', 16);
      return [{ local, remote, port, inode: Number(inode), uid: Number(uid), state }];
    });
}

/** The socket at one end of a connection, if that end is in our network namespace. @internal */
export function findTcpSocket(own: TcpEnd, other: TcpEnd): TcpSocket | undefined {
  const found = readTcpSockets('self').find(
    ({ state, local, remote, inode }) =>
      state === 'connected' && isEnd(local, own) && isEnd(remote, other) && inode > 0,
  );
  return found && { inode: found.inode, uid: found.uid };
}

/** The ports that are listened at in our network namespace, at whatever address, each with its socket. @internal */
export function readListeningPorts(): readonly (TcpSocket & { readonly port: number })[] {
  return readTcpSockets('self').flatMap(({ state, port, inode, uid }) =>
    state === 'listening' ? [{ port, inode, uid }] : [],
  );
}

function readTable(name: string, pid: number | 'self'): string {
  try {
    return readFileSync(`/proc/${pid}/net/${name}`, 'latin1');
  } catch {
    // A kernel without IPv6.
    return '';
  }
}

function isEnd(text: string, { address, port }: TcpEnd): boolean {
  const [printed = '', printedPort = ''] = text.split(':', 2);
  return (
    Number.parseInt(printedPort, 16) === port && bytesOf(printed).equals(bytesOfAddress(address, printed.length / 2))
  );
}

/** Addresses are printed as 32-bit words of this machine, whose bytes are the address's. */
function bytesOf(printed: string): Buffer {
  return Buffer.from(printed, 'hex').swap32();
}

/** An address as so many bytes; an IPv4 address in a socket for both is `::ffff:a.b.c.d`. */
function bytesOfAddress(address: string, count: number): Buffer {
  const v4 = /^(?:::ffff:)?(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address)?.slice(1).map(Number);
  if (v4) return Buffer.from(count === 4 ? v4 : [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...v4]);
  return count === 4 ? Buffer.alloc(0) : bytesOfV6(address);
}

function bytesOfV6(address: string): Buffer {
  const [head = '', tail] = address.split('::', 2);
  const words = (text: string | undefined): number[] =>
    text ? text.split(':').map((word) => Number.parseInt(word, 16)) : [];
  const first = words(head);
  const last = words(tail);
  const bytes = Buffer.alloc(16);
  for (const [at, word] of first.entries()) bytes.writeUInt16BE(word, 2 * at);
  for (const [at, word] of last.entries()) bytes.writeUInt16BE(word, 16 - 2 * (last.length - at));
  return bytes;
}
