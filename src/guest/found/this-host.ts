import { readFileSync, statSync } from 'node:fs';
import { findBoundSocket, formatEndpoint, libvirtUriOf } from '../../../protocols/transport/internal.ts';
import { processWith } from '../peer/find-holder.ts';
import { executableOf, ProcessScan } from '../peer/processes.ts';
import { readTcpSockets, readUnixSockets } from '../peer/socket-tables.ts';
import type { HostLook } from './host-look.ts';
import { readUnixOtherEnds } from './other-ends.ts';
import { commandLineOf, namespaceOf, readNamedFile, readStart, usersOf, usesKvm } from './process-facts.ts';

/** How long the whole look may take. */
const BUDGET_MS = 5000;

/** A look at this host, in bounded time. @internal */
export function lookAtThisHost(): HostLook {
  const scan = new ProcessScan(BUDGET_MS);
  const users = usersOf(quietly(() => readFileSync('/etc/passwd', 'utf8')) ?? '');
  let ends: ReadonlyMap<number, number> | undefined;
  return {
    get isIncomplete() {
      return scan.ranOut;
    },
    processes: () => [...scan.processes()],
    executable: executableOf,
    words: commandLineOf,
    // It may end in this moment (ESRCH).
    user: (pid) => quietly(() => statSync(`/proc/${pid}`, { throwIfNoEntry: false }))?.uid,
    userName: (uid) => users.get(uid) ?? null,
    text: (pid, file) => quietly(() => readStart(`/proc/${pid}/${file}`)) ?? '',
    namespace: namespaceOf,
    usesKvm,
    sockets: (pid) => scan.sockets(pid),
    unixSockets: (pid) => readUnixSockets(pid) ?? [],
    tcpSockets: readTcpSockets,
    otherEnds() {
      ends ??= readUnixOtherEnds();
      return ends;
    },
    holder: (inodes) => processWith(inodes, scan),
    socketAt(path) {
      // What a process names is meant in its own root, or its own working directory.
      const [, root = '/', inRoot = path] = /^(\/proc\/\d+\/(?:root|cwd))(?:\/(.*))?$/s.exec(path) ?? [];
      return quietly(() => findBoundSocket(inRoot, root));
    },
    configuration: readNamedFile,
    record(path) {
      try {
        return readFileSync(path, 'latin1');
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        return code === 'EACCES' || code === 'EPERM' ? null : undefined;
      }
    },
    isOwnUser: (uid) => uid === process.getuid?.(),
    endpoint: formatEndpoint,
    domainEndpoint(uri, domain) {
      const short = { kind: 'libvirt', domain } as const;
      // Without a URI it is the environment's, which may be another host's.
      return formatEndpoint(libvirtUriOf(short) === uri ? short : { ...short, uri });
    },
  };
}

function quietly<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
