import type { ConnectOptions } from './connect-options.ts';
import type { Connection, HostFiles } from './connection.ts';
import { type Endpoint, formatEndpoint, parseEndpoint } from './endpoint.ts';
import { withCarrier } from './handing/with-carrier.ts';
import { connectSocket } from './socket/socket-connection.ts';

/**
 * Makes a connection. One attempt: nothing is retried, as a second knock at a GDB stub has effects of its own.
 *
 * An `exec:` command counts as connected when the shell has started; what it does wrong afterwards shows as the end of the
 * stream, explained by {@link Connection.explainEnd}.
 *
 * @throws EndpointError (`ERR_TRANSPORT_ENDPOINT`) when this is no endpoint.
 * @throws ConnectError (`ERR_TRANSPORT_REFUSED`, `_NOT_FOUND`, `_ACCESS`, `_RESOLVE`, `_BACKLOG`, `_TIMEOUT`, `_LIBVIRT`, `_HOST`, `_TLS`, `_SPAWN`,
 * `_ABORTED`, `_CONNECT`) when nothing was connected.
 * @public
 */
export async function connect(endpoint: Endpoint | string, options: ConnectOptions): Promise<Connection> {
  // An endpoint put together by hand goes through its text as well: what may be connected to is decided in one place.
  const target = parseEndpoint(typeof endpoint === 'string' ? endpoint : formatEndpoint(endpoint));
  switch (target.kind) {
    // Few guests are reached so, and what it takes is loaded for them alone: a command's first milliseconds are for all others.
    case 'exec':
      return (await import('./exec/exec-connection.ts')).connectCommand(target, options);
    case 'libvirt':
      return (await import('./libvirt/libvirt-connection.ts')).connectLibvirt(target, options);
    case 'tls':
      return (await import('./tls/tls-connection.ts')).connectTls(target, options);
    case 'host':
      return (await import('./host/host-connection.ts')).connectOnHost(target, options, connect);
    case 'unix':
      return withCarrier(await connectSocket(target, options));
    default:
      return connectSocket(target, options);
  }
}

/** Starts a helper that looks at the host it runs on. @throws ConnectError @internal */
export async function lookAtHost(command: string, options: ConnectOptions): Promise<HostFiles> {
  return (await import('./host/host-files.ts')).lookAtHost(command, options);
}
