import * as z from 'zod/mini';
import { formatEndpoint } from '../../transport/index.ts';
import type { QmpExecutor } from '../executor.ts';

const chardevsSchema = z.array(z.object({ label: z.string(), filename: z.string(), 'frontend-open': z.boolean() }));

/** A character device of QEMU's, as far as a client that wants to connect to it must know. @public */
export interface ChardevInfo {
  /** `gdb` for the stub of `-gdb` and `-s`, the id for `-gdb chardev:id`, `compat_monitor0` for the first `-qmp`. */
  readonly label: string;
  /** QEMU's own description. */
  readonly filename: string;
  /** Whether a client is connected. A device that is no socket server counts as busy. */
  readonly state: 'free' | 'busy';
  /** Where it listens, if that is something this program can connect to. A path is on QEMU's side, and so is the host. */
  readonly endpoint?: string;
  /**
   * Something in QEMU has it open: a monitor, a stub, a device whose driver listens. False for a device that only waits for its
   * user, so a stub's is always true (7.2, 10.0).
   */
  readonly isOpen: boolean;
  /** It listens on every address of QEMU's host; `endpoint` names the loopback one. */
  readonly isWildcard: boolean;
}

/**
 * `query-chardev`. The way to learn, without touching it, whether a GDB stub has a client: a second one would be queued, and
 * would pause the guest whenever its turn comes, even if it has long gone.
 *
 * @public
 */
export async function queryChardev(qmp: QmpExecutor): Promise<readonly ChardevInfo[]> {
  const chardevs = await qmp.execute('query-chardev', undefined, { schema: chardevsSchema });
  return chardevs.map(({ label, filename, 'frontend-open': isOpen }) => ({
    label,
    filename,
    isOpen,
    ...parseChardevFilename(filename),
  }));
}

/**
 * Understands QEMU's description of a socket server.
 *
 * ```
 * disconnected:unix:/run/x.gdb,server=on                     free
 * unix:/run/x.gdb,server=on                                  busy
 * disconnected:tcp:0.0.0.0:1234,server=on                    free, from -gdb tcp::1234 and -s
 * disconnected:tcp:::1:1234,server=on                        free, IPv6: no brackets while no client is connected
 * tcp:127.0.0.1:1234,server=on <-> 127.0.0.1:59110           busy
 * tcp:[::1]:1234,server=on <-> [::1]:40388                   busy
 * ```
 *
 * @internal
 */
export function parseChardevFilename(filename: string): Pick<ChardevInfo, 'state' | 'endpoint' | 'isWildcard'> {
  const isFree = filename.startsWith(DISCONNECTED);
  const state = isFree ? 'free' : 'busy';
  const socket = withoutTail(isFree ? filename.slice(DISCONNECTED.length) : filename);
  if (socket?.startsWith('unix:')) return { state, ...unixAddress(socket.slice('unix:'.length)), isWildcard: false };
  if (socket?.startsWith('tcp:')) return { state, ...tcpAddress(socket.slice('tcp:'.length)) };
  return { state, isWildcard: false };
}

const DISCONNECTED = 'disconnected:';
/** How the description of a server's socket ends; behind it, the address of its client. */
const TAILS = [',server', ',server=on'] as const;
const CLIENT = ' <-> ';
/** A path has at most 107 bytes, and a host name 253. */
const MAX_FILENAME_CHARS = 4096;

/** Only the known tail is cut off: a path with commas is printed as it is. Undefined where there is no such tail. */
function withoutTail(socket: string): string | undefined {
  if (socket.length > MAX_FILENAME_CHARS || /[\r\n]/.test(socket)) return undefined;
  const ends = TAILS.flatMap((tail) => {
    const withClient = socket.indexOf(`${tail}${CLIENT}`);
    if (withClient >= 0) return [withClient];
    return socket.endsWith(tail) ? [socket.length - tail.length] : [];
  });
  return ends.length === 0 ? undefined : socket.slice(0, Math.min(...ends));
}

function unixAddress(path: string): { endpoint?: string } {
  if (path === '') return {};
  // A name in Linux's abstract namespace is not a file.
  return /,abstract(,tight)?$/.test(path) ? {} : { endpoint: formatEndpoint({ kind: 'unix', path }) };
}

function tcpAddress(address: string): { endpoint?: string; isWildcard: boolean } {
  const colon = address.lastIndexOf(':');
  const port = address.slice(colon + 1);
  if (colon < 0 || !/^\d{1,5}$/.test(port)) return { isWildcard: false };
  const printed = address.slice(0, colon);
  const host = printed.startsWith('[') && printed.endsWith(']') ? printed.slice(1, -1) : printed;
  const loopback = LOOPBACK_OF_WILDCARD.get(host);
  const endpoint = formatEndpoint({ kind: 'tcp', host: loopback ?? host, port: Number(port) });
  return { endpoint, isWildcard: loopback !== undefined };
}

const LOOPBACK_OF_WILDCARD: ReadonlyMap<string, string> = new Map([
  ['0.0.0.0', '127.0.0.1'],
  ['::', '::1'],
  ['', '127.0.0.1'],
]);
