import { formatEndpoint, type HostFiles } from '../../../protocols/transport/internal.ts';
import { asNamedBy } from '../peer/processes.ts';
import {
  MOST_READS,
  TCP_TABLES,
  type TcpRow,
  tcpSocketsOf,
  type UnixSocket,
  unixSocketsOf,
} from '../peer/socket-tables.ts';
import { systemRecordOf } from './find-domain.ts';
import type { HostLook } from './host-look.ts';
import { otherEndsOf } from './other-ends.ts';
import { isSystemEmulator, programOf, usersOf, wordsOf } from './process-facts.ts';
import { parseQemuCommandLine } from './qemu-command-line.ts';

const NAMESPACES = ['mnt', 'net', 'pid', 'user'];
const USERS = '/etc/passwd';
const SOCKET = /^socket:\[(\d{1,20})\]$/;

/**
 * A look at another host, by a helper that runs there: all that is asked of it is asked beforehand. Configuration files of QEMUs, and
 * sessions of libvirt, are not looked at.
 *
 * @param command - what starts the helper, for the endpoints
 * @throws ConnectError
 * @internal
 */
export async function lookAtOtherHost(files: HostFiles, command: string): Promise<HostLook> {
  const pids = await files.processes();
  const executables = mapOf(pids, await files.links(pids.map((pid) => `/proc/${pid}/exe`)));
  // Whose program is not shown may be a QEMU of another user.
  const named = pids.filter((pid) => isSystemEmulator(programOf(executables.get(pid), undefined) || 'kvm'));
  const lines = await files.texts(named.map((pid) => `/proc/${pid}/cmdline`));
  const words = mapOf(
    named,
    lines.map((line) => wordsOf(textOf(line))),
  );
  const qemus = named.filter((pid) => isSystemEmulator(programOf(executables.get(pid), words.get(pid))));
  const records = qemus.flatMap((pid) => systemRecordOf(nameOf(words.get(pid))) ?? []);
  const paths = [
    ...qemus.flatMap((pid) => ['cgroup', 'status'].map((file) => `/proc/${pid}/${file}`)),
    ...[...qemus, 'self'].flatMap((pid) => TCP_TABLES.map((table) => `/proc/${pid}/net/${table}`)),
    ...[USERS, ...records],
  ];
  const spaces = [...qemus, 'self'].flatMap((pid) => NAMESPACES.map((kind) => `/proc/${pid}/ns/${kind}`));
  const [texts, unixTables, links, opened, ends] = await Promise.all([
    files.texts(paths).then((found) => mapOf(paths, found)),
    readUnixTables(files, [...qemus, 'self']),
    files.links(spaces).then((found) => mapOf(spaces, found)),
    files.opened(qemus).then((found) => mapOf(qemus, found)),
    files.otherEnds().then(otherEndsOf),
  ]);
  const text = (path: string): string => textOf(texts.get(path));
  const table = (pid: number | 'self', name: string): string => texts.get(`/proc/${pid}/net/${name}`) ?? '';
  const unixSockets = (pid: number | 'self'): readonly UnixSocket[] => unixTables.get(pid) ?? [];
  const tcpSockets = (pid: number | 'self'): readonly TcpRow[] =>
    TCP_TABLES.flatMap((name) => tcpSocketsOf(table(pid, name)));
  const sockets = mapOf(
    qemus,
    qemus.map((pid) => socketsAmong(opened.get(pid) ?? [])),
  );
  const tables = [...qemus, 'self' as const].map((pid) => tcpSockets(pid));
  const own = qemus.flatMap((pid) => [...(sockets.get(pid) ?? new Map<number, number>()).keys()]);
  const others = [
    ...own.flatMap((inode) => ends.get(inode) ?? []),
    ...tables.flatMap((rows) => otherEndsAmong(rows, own)),
  ];
  const places = qemus.flatMap((pid) => {
    const said = parseQemuCommandLine(words.get(pid) ?? []).channels.flatMap(({ address }) =>
      address.kind === 'unix' ? [address.path] : [],
    );
    const bound = unixSockets(pid).flatMap(({ inode, path }) => (sockets.get(pid)?.has(inode) === true ? [path] : []));
    return [...new Set([...said, ...bound])].flatMap((path) => [path, asNamedBy(pid, path)]);
  });
  const [holders, sameness] = await Promise.all([
    files.sharers([...new Set(others)]),
    files.sockets(places).then((found) => mapOf(places, found)),
  ]);
  const users = usersOf(text(USERS));
  return {
    isIncomplete: false,
    processes: () => qemus,
    executable: (pid) => executables.get(pid),
    words: (pid) => words.get(pid),
    user: (pid) => userOf(text(`/proc/${pid}/status`)),
    userName: (uid) => users.get(uid) ?? null,
    text: (pid, file) => text(`/proc/${pid}/${file}`),
    namespace: (pid, kind) => links.get(`/proc/${pid}/ns/${kind}`) ?? '',
    usesKvm: (pid) => opened.get(pid)?.some(([, target]) => target.startsWith('anon_inode:kvm-vm')),
    sockets: (pid) => sockets.get(pid) ?? new Map(),
    unixSockets,
    tcpSockets,
    otherEnds: () => ends,
    holder: (inodes) => inodes.map((inode) => holders.get(inode)).find((pid) => pid !== undefined),
    socketAt: (path) => sameness.get(path),
    configuration: () => undefined,
    record: (path) => texts.get(path),
    isOwnUser: () => false,
    endpoint: (target) => formatEndpoint({ kind: 'host', command, target }),
    // Its libvirt is asked by a name of that host's, which is not known here.
    domainEndpoint: () => null,
  };
}

/** Each as often as it takes to see a socket once, as on this host. */
async function readUnixTables(
  files: HostFiles,
  pids: readonly (number | 'self')[],
): Promise<ReadonlyMap<number | 'self', readonly UnixSocket[]>> {
  const known = new Map<number | 'self', readonly UnixSocket[]>();
  for (let left = MOST_READS; left > 0 && known.size < pids.length; left -= 1) {
    const wanted = pids.filter((pid) => !known.has(pid));
    const tables = await files.texts(wanted.map((pid) => `/proc/${pid}/net/unix`));
    for (const [at, pid] of wanted.entries()) {
      const sockets = unixSocketsOf(tables[at] ?? '');
      if (sockets !== undefined) known.set(pid, sockets);
    }
  }
  return known;
}

function mapOf<K, V>(keys: readonly K[], values: readonly V[]): ReadonlyMap<K, NonNullable<V> | Extract<V, null>> {
  return new Map(
    keys.flatMap((key, at) => {
      const value = values[at];
      return value === undefined ? [] : [[key, value as NonNullable<V> | Extract<V, null>] as const];
    }),
  );
}

/** Bytes as the text that they are. */
function textOf(bytes: string | null | undefined): string {
  return Buffer.from(bytes ?? '', 'latin1').toString('utf8');
}

function nameOf(words: readonly string[] | undefined): string | null {
  return parseQemuCommandLine(words ?? []).name;
}

/** The effective one, by `/proc/PID/status`. */
function userOf(status: string): number | undefined {
  const [, , uid] =
    status
      .split('\n')
      .find((line) => line.startsWith('Uid:'))
      ?.split('\t') ?? [];
  return uid === undefined ? undefined : Number(uid);
}

function socketsAmong(opened: readonly (readonly [number, string])[]): ReadonlyMap<number, number> {
  return new Map(
    opened.flatMap(([descriptor, target]) => {
      const inode = SOCKET.exec(target)?.[1];
      return inode === undefined ? [] : [[Number(inode), descriptor] as const];
    }),
  );
}

/** The other ends, on that host, of connections over TCP. */
function otherEndsAmong(rows: readonly TcpRow[], own: readonly number[]): readonly number[] {
  const mine = new Set(own);
  const ends = rows.filter(({ inode, state }) => state === 'connected' && mine.has(inode));
  return ends.flatMap(({ local, remote }) =>
    rows.filter((row) => row.local === remote && row.remote === local).map(({ inode }) => inode),
  );
}
