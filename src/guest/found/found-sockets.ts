import { basename, isAbsolute } from 'node:path';
import { hostAndPortOf } from '../../../protocols/transport/internal.ts';
import { asNamedBy } from '../peer/processes.ts';
import type { TcpRow, UnixSocket } from '../peer/socket-tables.ts';
import type { ChannelHolder, FoundChannel } from './found-guest.ts';
import type { HostLook } from './host-look.ts';
import type { ChardevAddress } from './qemu-options.ts';

type Seen = Omit<FoundChannel, 'purpose'>;

const UNSEEN = { endpoint: null, state: 'unknown', holder: null } as const;

/** What the kernel shows of the sockets of this host's QEMUs. Nothing is connected. @internal */
export class FoundSockets {
  readonly #host: HostLook;
  readonly #unix = new Map<string, readonly UnixSocket[]>();
  readonly #tcp = new Map<string, readonly TcpRow[]>();
  /** Of who looks. */
  readonly #ownNetwork: string;

  constructor(host: HostLook) {
    this.#host = host;
    this.#ownNetwork = host.namespace('self', 'net');
  }

  /**
   * How a socket that a process names stands.
   *
   * @param network - the process's network namespace: what is the same has the same tables
   */
  look(pid: number, network: string, address: ChardevAddress): Seen {
    switch (address.kind) {
      case 'unix':
        return this.#lookUnix(pid, network, address.path);
      case 'tcp':
        return this.#lookTcp(pid, network, address);
      case 'fd': {
        const inode = [...this.#host.sockets(pid)].find(([, descriptor]) => descriptor === address.descriptor)?.[0];
        const socket = this.#unixOf(pid, network).find((each) => each.inode === inode);
        if (socket !== undefined) return this.#lookUnix(pid, network, socket.path);
        return { address: `descriptor ${address.descriptor}`, ...UNSEEN };
      }
      default:
        return { address: address.text, ...UNSEEN };
    }
  }

  /** The paths of unix sockets that a process listens at. */
  listening(pid: number, network: string): readonly string[] {
    const open = this.#host.sockets(pid);
    return this.#unixOf(pid, network).flatMap(({ inode, isListening, path }) =>
      isListening && open.has(inode) && !path.startsWith('@') ? [path] : [],
    );
  }

  #lookUnix(pid: number, network: string, path: string): Seen {
    const open = this.#host.sockets(pid);
    // What was accepted is in the network namespace of its client, which may be ours.
    const tables = [
      this.#unixOf(pid, network),
      network === this.#ownNetwork ? [] : this.#unixOf('self', this.#ownNetwork),
    ];
    const named = tables.flat().filter((socket) => socket.path === path);
    // Where its descriptors cannot be seen, what bears the name is taken for its own.
    const own = open.size === 0 ? named : named.filter(({ inode }) => open.has(inode));
    const connected = own.filter(({ isListening }) => !isListening);
    const endpoint = this.#reachableAt(pid, path);
    if (own.length === 0) return { address: path, endpoint, state: 'absent', holder: null };
    if (connected.length === 0) return { address: path, endpoint, state: 'free', holder: null };
    const ends = this.#host.otherEnds();
    const others = connected.flatMap(({ inode }) => ends.get(inode) ?? []);
    return { address: path, endpoint, state: 'held', holder: this.#holderOf(others) };
  }

  #lookTcp(pid: number, network: string, { host, port, wire }: Extract<ChardevAddress, { kind: 'tcp' }>): Seen {
    const address = hostAndPortOf({ host, port });
    const open = this.#host.sockets(pid);
    const rows = this.#tcpOf(pid, network).filter((row) => row.port === port);
    const own = open.size === 0 ? rows : rows.filter(({ inode }) => open.has(inode));
    const isHere = wire === 'plain' && this.#isHere(network, own);
    const endpoint = isHere ? this.#host.endpoint({ kind: 'tcp', host: hereOf(host), port }) : null;
    if (own.length === 0) return { address, endpoint, state: 'absent', holder: null };
    const connected = own.find(({ state }) => state === 'connected');
    if (connected === undefined) return { address, endpoint, state: 'free', holder: null };
    const other = this.#tcpOf(pid, network).find(
      ({ local, remote }) => local === connected.remote && remote === connected.local,
    );
    return { address, endpoint, state: 'held', holder: this.#holderOf(other === undefined ? [] : [other.inode]) };
  }

  #isHere(network: string, rows: readonly TcpRow[]): boolean {
    if (network === this.#ownNetwork) return true;
    const here = new Set(this.#tcpOf('self', this.#ownNetwork).map(({ inode }) => inode));
    return rows.some(({ inode }) => here.has(inode));
  }

  #holderOf(inodes: readonly number[]): ChannelHolder | null {
    const pid = this.#host.holder(inodes);
    if (pid === undefined) return null;
    const executable = this.#host.executable(pid);
    return { pid, program: executable === undefined ? null : basename(executable) };
  }

  #unixOf(pid: number | 'self', network: string): readonly UnixSocket[] {
    return remember(this.#unix, network, () => this.#host.unixSockets(pid));
  }

  #tcpOf(pid: number | 'self', network: string): readonly TcpRow[] {
    return remember(this.#tcp, network, () => this.#host.tcpSockets(pid));
  }

  /** How one names a socket that a process has named in its own root: the same name if it is the same file, or by way of /proc. */
  #reachableAt(pid: number, path: string): string | null {
    const there = asNamedBy(pid, path);
    const theirs = this.#host.socketAt(there);
    const ours = isAbsolute(path) ? this.#host.socketAt(path) : undefined;
    // Into the root of another user's process only root can look; what has the name here is then taken for it.
    const isSame = ours !== undefined && (theirs === undefined || ours === theirs);
    if (isSame) return this.#host.endpoint({ kind: 'unix', path });
    return theirs === undefined ? null : this.#host.endpoint({ kind: 'unix', path: there });
  }
}

/** Tables of a network namespace are the same for all of its processes. */
function remember<T>(known: Map<string, readonly T[]>, network: string, read: () => readonly T[]): readonly T[] {
  const before = known.get(network);
  if (before !== undefined) return before;
  let rows: readonly T[] = [];
  try {
    rows = read();
  } catch {
    // The process is gone.
  }
  known.set(network, rows);
  return rows;
}

/** A client on this host reaches what listens everywhere at the loopback address. */
function hereOf(host: string): string {
  return host === '' || host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
}
