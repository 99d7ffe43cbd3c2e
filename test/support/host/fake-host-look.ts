import { formatEndpoint } from '../../../protocols/transport/index.ts';
import type { HostLook } from '../../../src/guest/found/host-look.ts';
import type { TcpRow, UnixSocket } from '../../../src/guest/peer/socket-tables.ts';

/** What is seen of a process; what is absent may not be seen. */
export interface SeenProcess {
  readonly executable?: string;
  readonly words?: readonly string[];
  readonly uid?: number;
  readonly cgroup?: string;
  readonly status?: string;
  readonly namespaces?: Readonly<Record<string, string>>;
  readonly usesKvm?: boolean;
  /** By inode, each with a descriptor. */
  readonly sockets?: Readonly<Record<number, number>>;
  readonly unix?: readonly UnixSocket[];
  readonly tcp?: readonly TcpRow[];
}

/** A host of which exactly this is seen, by process id; `self` is who looks. */
export function fakeHostLook(
  processes: Readonly<Record<string, SeenProcess>>,
  replaced: Partial<HostLook> = {},
): HostLook {
  return {
    isIncomplete: false,
    processes: () => Object.keys(processes).map(Number).filter(Number.isInteger).reverse(),
    executable: (pid) => processes[pid]?.executable,
    words: (pid) => processes[pid]?.words,
    user: (pid) => processes[pid]?.uid,
    userName: (uid) => (uid === 0 ? 'root' : null),
    text: (pid, file) => processes[pid]?.[file] ?? '',
    namespace: (pid, kind) => processes[pid]?.namespaces?.[kind] ?? '',
    usesKvm: (pid) => processes[pid]?.usesKvm,
    sockets: (pid) =>
      new Map(Object.entries(processes[pid]?.sockets ?? {}).map(([inode, descriptor]) => [Number(inode), descriptor])),
    unixSockets: (pid) => processes[pid]?.unix ?? [],
    tcpSockets: (pid) => processes[pid]?.tcp ?? [],
    otherEnds: () => new Map(),
    holder: () => undefined,
    socketAt: () => undefined,
    configuration: () => undefined,
    record: () => undefined,
    isOwnUser: () => false,
    endpoint: formatEndpoint,
    domainEndpoint: (uri, domain) => `libvirt:${uri}/${domain}`,
    ...replaced,
  };
}
