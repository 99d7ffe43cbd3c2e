import { EndpointError } from './errors.ts';
import { formatPrintable, printableText } from './printable-text.ts';

/**
 * Where a connection leads.
 *
 * - `unix`: a socket file.
 * - `tcp`: a host name or address (IPv6 without brackets) and a port, 1 to 65535.
 * - `libvirt`: the monitor of a libvirt domain, through `virsh`. Without a URI it is `LIBVIRT_DEFAULT_URI`, else `qemu:///system`.
 * - `tls`: as `tcp`, in TLS, with the files that QEMU's own `tls-creds` have.
 * - `exec`: a command for `/bin/sh -c` whose standard input and output are the connection, as in gdb's `target remote |`.
 * - `host`: a unix socket or a port of another host, on which a helper command (`ssh lab`) runs a shell. Or a QEMU there that is reached
 *   from this host by `exec` or `tls`, with the helper beside it.
 *
 * @public
 */
export type Endpoint =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'libvirt'; readonly uri?: string; readonly domain: string }
  | ({ readonly kind: 'tls'; readonly host: string; readonly port: number } & TlsFiles)
  | { readonly kind: 'exec'; readonly command: string }
  | { readonly kind: 'host'; readonly command: string; readonly target: EndpointWithHelper };

/** What can be reached on another host by its own name there. @internal */
export type EndpointOnHost = Extract<Endpoint, { kind: 'unix' | 'tcp' }>;

/** What a helper on another host goes with. @public */
export type EndpointWithHelper = Extract<Endpoint, { kind: 'unix' | 'tcp' | 'exec' | 'tls' }>;

/** What a client needs for TLS: files in PEM, or of keys (`NAME:HEX`). @public */
export interface TlsFiles {
  /** A directory with files of QEMU's names: ca-cert.pem, client-cert.pem, client-key.pem, keys.psk. */
  readonly dir?: string;
  /** Whose signature is trusted. */
  readonly ca?: string;
  /** What this client is known by. */
  readonly cert?: string;
  readonly key?: string;
  /** Keys that both sides have beforehand, instead of certificates. */
  readonly psk?: string;
  /** Which of these; `qemu` unless given. */
  readonly identity?: string;
  /** The name in the server's certificate, where it is not the host's. */
  readonly servername?: string;
}

/** What QEMU means by an empty host in `tcp::1234`, seen from a client. */
const LOOPBACK = 'localhost';

/** What fits in a `sockaddr_un`. Node cuts a longer path off without a word, and would connect to some other socket. */
const SOCKET_PATH_BYTES = 107;
/** What Linux takes as one argument of a program (MAX_ARG_STRLEN), and so of the shell that runs an `exec:` command. */
const MAX_CHARS = 131_072;

/**
 * The options of QEMU's `-qmp`, `-gdb` and `-chardev socket` that say how QEMU listens: nothing a client has to know, so
 * that an argument pasted from QEMU's command line works. Options which change what travels (telnet, websocket,
 * tls-creds) or what the name means (abstract) are not in this list on purpose.
 */
const LISTENING_OPTIONS = new Set(['server', 'wait', 'nowait', 'nodelay', 'reconnect', 'reconnect-ms', 'ipv4', 'ipv6']);

/**
 * Understands an endpoint as people write it.
 *
 * | text | meaning |
 * |---|---|
 * | `unix:/run/vm.qmp` | socket file; relative paths too |
 * | `/run/vm.qmp`, `./vm.qmp`, `vm.qmp` | socket file, taken literally to the last character |
 * | `tcp:host:1234`, `host:1234` | TCP |
 * | `tcp::1234`, `:1234` | TCP to localhost |
 * | `tcp:[::1]:1234`, `[::1]:1234` | TCP over IPv6; the brackets are required |
 * | `libvirt:debian12`, `libvirt:qemu:///session/vm` | the domain behind the last `/`; before it libvirt's URI |
 * | `tls:host:1234,dir=/etc/pki/qemu` | TLS; also `ca=`, `cert=`, `key=`, `psk=`, `identity=`, `servername=` |
 * | `exec:ssh lab socat - UNIX:/run/vm.qmp` | a shell command |
 * | `host:[ssh lab]unix:/run/vm.qmp` | a socket of the host on which `ssh lab /bin/sh` runs a shell; `tcp:` too |
 * | `host:[ssh lab]exec:ssh lab socat - UNIX:/run/vm.qmp` | the command runs on this host, and leads to a QEMU of that one; `tls:` too |
 *
 * After `unix:` and `tcp:` the options that QEMU itself takes there (`,server=on,wait=off`) are accepted and ignored. A
 * path that contains a comma is written with the comma doubled, which is QEMU's own rule (`unix:/run/a,,b`), or without
 * `unix:` in front.
 *
 * @throws EndpointError (`ERR_TRANSPORT_ENDPOINT`) when the text is none of these.
 * @public
 */
export function parseEndpoint(text: string): Endpoint {
  if (text.length > MAX_CHARS) throw new EndpointError(text, `it has more than ${MAX_CHARS} characters`);
  const scheme = /^(unix|tcp|exec|libvirt|tls|host):/.exec(text)?.[1];
  const rest = scheme === undefined ? text : text.slice(scheme.length + 1);
  switch (scheme) {
    case 'unix':
      return unixEndpoint(text, dropListeningOptions(text, rest));
    case 'tcp':
      return tcpEndpoint(text, dropListeningOptions(text, rest));
    case 'libvirt':
      return libvirtEndpoint(text, rest);
    case 'tls':
      return tlsEndpoint(text, rest);
    case 'exec':
      return execEndpoint(text, rest);
    case 'host':
      return hostEndpoint(text, rest);
    default:
      return bareEndpoint(text);
  }
}

/**
 * The text of an endpoint; {@link parseEndpoint} of it gives the endpoint again.
 *
 * @public
 */
export function formatEndpoint(endpoint: Endpoint): string {
  switch (endpoint.kind) {
    case 'unix':
      return `unix:${doubled(endpoint.path)}`;
    case 'tcp':
      return `tcp:${hostAndPortOf(endpoint)}`;
    case 'libvirt':
      return `libvirt:${endpoint.uri === undefined ? '' : `${endpoint.uri}/`}${endpoint.domain}`;
    case 'tls': {
      const files = TLS_OPTIONS.flatMap((name) =>
        endpoint[name] === undefined ? [] : [`,${name}=${doubled(endpoint[name])}`],
      );
      return `tls:${hostAndPortOf(endpoint)}${files.join('')}`;
    }
    case 'exec':
      return `exec:${endpoint.command}`;
    case 'host':
      return `host:[${endpoint.command}]${formatEndpoint(endpoint.target)}`;
  }
}

function doubled(text: string): string {
  return text.replaceAll(',', ',,');
}

/** `host:1234`, `[::1]:1234`. @internal */
export function hostAndPortOf({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** An endpoint as it is called on the host that it leads to. @internal */
export function onItsHost(endpoint: Endpoint): Endpoint {
  return endpoint.kind === 'host' ? endpoint.target : endpoint;
}

function bareEndpoint(text: string): Endpoint {
  if (text.includes('/')) return unixEndpoint(text, text);
  if (text.includes(':')) return tcpEndpoint(text, text);
  // A lone number is nearly always a port whose colon was forgotten; connecting to a file of that name would only confuse.
  if (/^\d+$/.test(text))
    throw new EndpointError(
      text,
      `for a port write tcp::${printableText(text, 40)}, for a socket file ./${printableText(text, 40)}`,
    );
  return unixEndpoint(text, text);
}

function unixEndpoint(text: string, path: string): Extract<Endpoint, { kind: 'unix' }> {
  if (path === '') throw new EndpointError(text, 'the path is empty');
  if (path.includes('\0')) throw new EndpointError(text, 'the path contains a NUL character');
  if (Buffer.byteLength(path) > SOCKET_PATH_BYTES) {
    throw new EndpointError(
      text,
      `a socket's path has at most ${SOCKET_PATH_BYTES} bytes; go by a shorter or a relative path`,
    );
  }
  return { kind: 'unix', path };
}

function tcpEndpoint(text: string, hostAndPort: string): Extract<Endpoint, { kind: 'tcp' }> {
  const match = /^(?:\[([^\][]+)\]|([^\][:]*)):(\d{1,5})$/.exec(hostAndPort);
  const port = Number(match?.[3]);
  if (match === null) throw new EndpointError(text, tcpProblem(hostAndPort));
  if (port < 1 || port > 65535) throw new EndpointError(text, `${port} is not a port`);
  return { kind: 'tcp', host: match[1] || match[2] || LOOPBACK, port };
}

function tcpProblem(hostAndPort: string): string {
  const isBareIpv6 = (hostAndPort.match(/:/g)?.length ?? 0) > 1 && !hostAndPort.includes('[');
  return isBareIpv6 ? 'an IPv6 address is written in brackets' : 'a host and a port are expected';
}

/** The options of `tls:`, in the order in which they are printed. */
const TLS_OPTIONS = ['dir', 'ca', 'cert', 'key', 'psk', 'identity', 'servername'] as const satisfies (keyof TlsFiles)[];

function tlsEndpoint(text: string, rest: string): Extract<Endpoint, { kind: 'tls' }> {
  const address = rest.slice(0, endOfAddress(rest));
  const { host, port } = tcpEndpoint(text, address.replaceAll(',,', ','));
  const files: Partial<Record<keyof TlsFiles, string>> = {};
  for (let left = rest.slice(address.length); left !== ''; ) {
    const part = left.slice(1, endOfAddress(left.slice(1)) + 1);
    left = left.slice(part.length + 1);
    const [name, value] = [part.slice(0, part.indexOf('=')), part.slice(part.indexOf('=') + 1)];
    const known = TLS_OPTIONS.find((option) => option === name);
    if (known === undefined || value === '') {
      throw new EndpointError(text, `behind tls:host:port there may be ${TLS_OPTIONS.join('=, ')}= with a value`);
    }
    files[known] = value.replaceAll(',,', ',');
  }
  return { kind: 'tls', host, port, ...files };
}

function libvirtEndpoint(text: string, rest: string): Endpoint {
  const slash = rest.lastIndexOf('/');
  const uri = rest.slice(0, Math.max(0, slash));
  const domain = rest.slice(slash + 1);
  if (domain === '') throw new EndpointError(text, 'the name of the domain is empty');
  // Words of virsh's shell, which reads lines.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these it would obey
  if (/[\u0000-\u001f\u007f]/.test(rest)) throw new EndpointError(text, 'it contains a control character');
  return { kind: 'libvirt', domain, ...(uri === '' ? {} : { uri }) };
}

function execEndpoint(text: string, command: string): Extract<Endpoint, { kind: 'exec' }> {
  if (command.trim() === '') throw new EndpointError(text, 'the command is empty');
  return { kind: 'exec', command };
}

/** The command may have brackets itself (`ssh root@[fe80::1]`), but not before what looks like the endpoint. */
function hostEndpoint(text: string, rest: string): Endpoint {
  const ends = [']unix:', ']tcp:', ']exec:', ']tls:'].map((start) => rest.indexOf(start)).filter((at) => at >= 0);
  const end = Math.min(...ends);
  if (!rest.startsWith('[') || !Number.isFinite(end)) {
    throw new EndpointError(
      text,
      'behind host: there are a command in brackets and a unix:, tcp:, exec: or tls: endpoint',
    );
  }
  const command = rest.slice(1, end);
  if (command.trim() === '') throw new EndpointError(text, 'the command is empty');
  return { kind: 'host', command, target: withHelper(text, rest.slice(end + 1)) };
}

function withHelper(text: string, target: string): EndpointWithHelper {
  const colon = target.indexOf(':');
  const rest = target.slice(colon + 1);
  switch (target.slice(0, colon)) {
    case 'unix':
      return unixEndpoint(text, dropListeningOptions(text, rest));
    case 'tcp':
      return tcpEndpoint(text, dropListeningOptions(text, rest));
    case 'tls':
      return tlsEndpoint(text, rest);
    default:
      return execEndpoint(text, rest);
  }
}

/** Cuts QEMU's options off and undoes the doubling of commas. */
function dropListeningOptions(text: string, rest: string): string {
  const address = rest.slice(0, endOfAddress(rest));
  for (const option of rest.slice(address.length).split(',').slice(1)) {
    const name = option.split('=', 1)[0] ?? '';
    if (!LISTENING_OPTIONS.has(name)) {
      throw new EndpointError(
        text,
        `the option ${formatPrintable(name)} is not understood (a comma in a path is doubled)`,
      );
    }
  }
  return address.replaceAll(',,', ',');
}

/** The first comma that is not doubled, or the end. */
function endOfAddress(text: string): number {
  let comma = text.indexOf(',');
  while (comma >= 0 && text[comma + 1] === ',') comma = text.indexOf(',', comma + 2);
  return comma < 0 ? text.length : comma;
}
