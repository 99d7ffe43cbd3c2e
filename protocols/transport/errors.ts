/**
 * What can go wrong below the protocols.
 *
 * ```
 * TransportError
 *  ├─ EndpointError   ERR_TRANSPORT_ENDPOINT   the text does not name an endpoint
 *  └─ ConnectError                             nothing was connected:
 *                     ERR_TRANSPORT_REFUSED    no process listens there
 *                     ERR_TRANSPORT_NOT_FOUND  no such socket file
 *                     ERR_TRANSPORT_ACCESS     the socket file may not be used
 *                     ERR_TRANSPORT_RESOLVE    the host name is unknown
 *                     ERR_TRANSPORT_BACKLOG    QEMU already has a client, and more are waiting
 *                     ERR_TRANSPORT_TIMEOUT    no answer in time
 *                     ERR_TRANSPORT_LIBVIRT    libvirt refused, or does not have the domain
 *                     ERR_TRANSPORT_HOST       the helper on the other host did not start, or broke off
 *                     ERR_TRANSPORT_TLS        TLS could not be agreed on
 *                     ERR_TRANSPORT_SPAWN      the command could not be started
 *                     ERR_TRANSPORT_ABORTED    the caller aborted it
 *                     ERR_TRANSPORT_CONNECT    the system said something else; see `cause`
 * ```
 *
 * @packageDocumentation
 */

import { escapeLines, formatPrintable } from './printable-text.ts';

/** Root of the errors of this layer. @public */
export abstract class TransportError extends Error {
  /** Stable; match on this, never on the message. */
  abstract readonly code: string;

  /** @param message - may quote a peer, a file or a child process: it is made printable here */
  constructor(message: string, options?: ErrorOptions) {
    super(escapeLines(message), options);
  }
}

/** The forms an endpoint can take, as shown to a person whose text was none of them. @internal */
export const ENDPOINT_FORMS =
  'unix:/path/to/socket, /path/to/socket, tcp:host:port, tcp::port, host:port, [::1]:port, libvirt:domain, tls:host:port, exec:command line, host:[command]endpoint';

/** A text that names no endpoint. @public */
export class EndpointError extends TransportError {
  override readonly name = 'EndpointError';
  readonly code = 'ERR_TRANSPORT_ENDPOINT';
  /** The text as it was given. */
  readonly text: string;

  constructor(text: string, problem: string) {
    super(`${formatPrintable(text)} is not an endpoint: ${problem}. Accepted forms: ${ENDPOINT_FORMS}`);
    this.text = text;
  }
}

/** The codes of {@link ConnectError}. @public */
export type ConnectErrorCode =
  | 'ERR_TRANSPORT_REFUSED'
  | 'ERR_TRANSPORT_NOT_FOUND'
  | 'ERR_TRANSPORT_ACCESS'
  | 'ERR_TRANSPORT_RESOLVE'
  | 'ERR_TRANSPORT_BACKLOG'
  | 'ERR_TRANSPORT_TIMEOUT'
  | 'ERR_TRANSPORT_LIBVIRT'
  | 'ERR_TRANSPORT_HOST'
  | 'ERR_TRANSPORT_TLS'
  | 'ERR_TRANSPORT_SPAWN'
  | 'ERR_TRANSPORT_ABORTED'
  | 'ERR_TRANSPORT_CONNECT';

/** No connection was made. `cause` is what the system reported, where it reported something. @public */
export class ConnectError extends TransportError {
  override readonly name = 'ConnectError';
  readonly code: ConnectErrorCode;
  /** The endpoint as text, `unix:/run/vm.qmp`. */
  readonly endpoint: string;

  constructor(code: ConnectErrorCode, endpoint: string, problem: string, options?: ErrorOptions) {
    super(`cannot connect to ${endpoint}: ${problem}`, options);
    this.code = code;
    this.endpoint = endpoint;
  }
}
