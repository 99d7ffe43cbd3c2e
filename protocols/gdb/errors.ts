import { escapeLines, printableText } from '../transport/internal.ts';
import { formatHex } from './hex.ts';

/*
 * GdbError                       ERR_GDB                      (never thrown itself)
 * ├── GdbArgumentError           ERR_GDB_ARGUMENT             refused here, nothing was sent
 * ├── GdbPacketTooLongError      ERR_GDB_PACKET_TOO_LONG      refused here, nothing was sent
 * ├── GdbStateError              ERR_GDB_STATE                the client had failed or was closed before
 * ├── GdbReplyError              ERR_GDB_REPLY                the stub answered E<nn>; the connection is fine
 * ├── GdbUnsupportedError        ERR_GDB_UNSUPPORTED          the stub does not know the request; the connection is fine
 * ├── GdbArchitectureError       ERR_GDB_ARCHITECTURE         not an x86 guest; the connection is fine
 * ├── GdbTargetDescriptionError  ERR_GDB_TARGET_DESCRIPTION   unusable register description; the connection is fine
 * ├── GdbBusyError               ERR_GDB_BUSY                 another debugger holds the stub; fatal
 * ├── GdbTimeoutError            ERR_GDB_TIMEOUT              a reply did not come; fatal
 * ├── GdbProtocolError           ERR_GDB_PROTOCOL             what came is not what a GDB stub sends; fatal
 * └── GdbClosedError             ERR_GDB_CLOSED               the connection ended; fatal
 *
 * After a fatal error the client takes no further requests (GdbStateError): replies carry no identifiers, so once one is
 * missing it is unknown to which request the next one belongs. A new connection starts clean.
 */

/** What an error of this layer may carry besides its message. @public */
export interface GdbErrorDetails {
  /** The endpoint as a person wrote it, where one is known. */
  readonly endpoint?: string;
  readonly cause?: unknown;
}

/** Root of everything `protocols/gdb` throws; match on `code`. @public */
export class GdbError extends Error {
  override readonly name: string = 'GdbError';
  readonly code: string = 'ERR_GDB';
  readonly endpoint: string | undefined;

  constructor(message: string, details: GdbErrorDetails = {}) {
    super(escapeLines(message), details.cause === undefined ? undefined : { cause: details.cause });
    this.endpoint = details.endpoint;
  }
}

/** An argument outside of what the protocol or the guest's layout allows; nothing was sent. @public */
export class GdbArgumentError extends GdbError {
  override readonly name = 'GdbArgumentError';
  override readonly code = 'ERR_GDB_ARGUMENT';
}

/** A request longer than the stub takes. QEMU drops those without any answer, so they are refused here. @public */
export class GdbPacketTooLongError extends GdbError {
  override readonly name = 'GdbPacketTooLongError';
  override readonly code = 'ERR_GDB_PACKET_TOO_LONG';
  /** First characters of the payload. */
  readonly request: string;
  readonly lengthChars: number;
  readonly limitChars: number;

  constructor(payload: string, lengthChars: number, limitChars: number, details: GdbErrorDetails = {}) {
    const request = payload.slice(0, 40);
    super(
      `GDB request '${request}...' has ${lengthChars} characters, the stub takes at most ${limitChars} and drops longer ones unanswered; split it`,
      details,
    );
    this.request = request;
    this.lengthChars = lengthChars;
    this.limitChars = limitChars;
  }
}

/** A request to a client that failed or was closed before; `cause` is the failure. @public */
export class GdbStateError extends GdbError {
  override readonly name = 'GdbStateError';
  override readonly code = 'ERR_GDB_STATE';
  readonly state: string;
  readonly request: string;

  constructor(request: string, state: string, details: GdbErrorDetails) {
    const why = details.cause instanceof Error ? `: ${details.cause.message}` : '';
    super(
      `'${request}' was not sent to the GDB stub at ${details.endpoint}: this client is ${state}${why}. Connect anew`,
      details,
    );
    this.state = state;
    this.request = request;
  }
}

/** The stub refused a request with `E<nn>`. @public */
export class GdbReplyError extends GdbError {
  override readonly name = 'GdbReplyError';
  override readonly code = 'ERR_GDB_REPLY';
  /** The two digits as a decimal number: 14 memory fault or no such register, 22 bad argument, 1 and 0 malformed. */
  readonly errno: number;
  readonly request: string;

  constructor(request: string, errno: number, details: GdbErrorDetails) {
    const digits = String(errno).padStart(2, '0');
    super(
      `the GDB stub at ${details.endpoint} answered E${digits} (${explainErrno(errno)}) to '${shorten(request)}'`,
      details,
    );
    this.errno = errno;
    this.request = request;
  }
}

/** The stub answered with the empty packet, which means that it does not know the request. @public */
export class GdbUnsupportedError extends GdbError {
  override readonly name = 'GdbUnsupportedError';
  override readonly code = 'ERR_GDB_UNSUPPORTED';
  readonly request: string;

  constructor(request: string, advice: string, details: GdbErrorDetails) {
    super(
      `the GDB stub at ${details.endpoint} does not support '${shorten(request)}'${advice && `: ${advice}`}`,
      details,
    );
    this.request = request;
  }
}

/** The guest is not an x86 machine. @public */
export class GdbArchitectureError extends GdbError {
  override readonly name = 'GdbArchitectureError';
  override readonly code = 'ERR_GDB_ARCHITECTURE';
  /** As the stub's target description names it, e.g. `aarch64`. */
  readonly architecture: string;

  constructor(architecture: string, details: GdbErrorDetails = {}) {
    const where = details.endpoint === undefined ? 'the GDB stub' : `the GDB stub at ${details.endpoint}`;
    super(
      `${where} debugs a guest of architecture '${printableText(architecture, 80)}'; only x86 guests (qemu-system-x86_64, qemu-system-i386) are understood`,
      details,
    );
    this.architecture = architecture;
  }
}

/** The target description is not well-formed, too large, or describes no usable register layout. @public */
export class GdbTargetDescriptionError extends GdbError {
  override readonly name = 'GdbTargetDescriptionError';
  override readonly code = 'ERR_GDB_TARGET_DESCRIPTION';
  /** The file within the description, e.g. `i386-64bit.xml`. */
  readonly annex: string;

  constructor(annex: string, problem: string, details: GdbErrorDetails = {}) {
    const where = details.endpoint === undefined ? '' : ` of the GDB stub at ${details.endpoint}`;
    super(`target description '${printableText(annex, 128)}'${where}: ${printableText(problem)}`, details);
    this.annex = annex;
  }
}

/** No answer came: the connection waits in the stub's queue behind another debugger. @public */
export class GdbBusyError extends GdbError {
  override readonly name = 'GdbBusyError';
  override readonly code = 'ERR_GDB_BUSY';
  readonly timeoutMs: number;
  /**
   * Always true: QEMU will accept this connection when the other debugger leaves, and will pause the guest then, even if the
   * connection is closed by that time. Only QMP `cont` resumes it.
   */
  readonly willPauseGuestLater = true;

  constructor(timeoutMs: number, details: GdbErrorDetails) {
    super(
      `the GDB stub at ${details.endpoint} accepted the connection but said nothing for ${timeoutMs} ms: most likely another debugger ` +
        'is attached and this connection is queued behind it (or it is no GDB stub at all). Nothing was touched so far, but when the ' +
        'other debugger leaves, QEMU takes the queued connection and pauses the guest, even if it has been closed meanwhile; resume ' +
        "the guest with QMP 'cont' then. Look at QMP 'query-chardev' before connecting: a free stub is listed as 'disconnected:'",
      details,
    );
    this.timeoutMs = timeoutMs;
  }
}

/** A reply did not come in time. @public */
export class GdbTimeoutError extends GdbError {
  override readonly name = 'GdbTimeoutError';
  override readonly code = 'ERR_GDB_TIMEOUT';
  readonly request: string;
  readonly timeoutMs: number;
  /** The stub reported a stop after the request was sent: another client had resumed the guest. */
  readonly stopSeen: boolean;

  constructor(request: string, timeoutMs: number, stopSeen: boolean, details: GdbErrorDetails) {
    const cause = stopSeen
      ? 'The stub reported instead that the guest stopped: another client had resumed it, and the stub swallows the packet that stops it'
      : 'QEMU is stuck or busy, or another client resumed the guest: the stub swallows the packet that stops a running guest (QEMU 10 says nothing then)';
    super(
      `no reply to '${shorten(request)}' from the GDB stub at ${details.endpoint} within ${timeoutMs} ms. ${cause}. ` +
        "Check QMP 'query-status', pause the guest, connect anew",
      details,
    );
    this.request = request;
    this.timeoutMs = timeoutMs;
    this.stopSeen = stopSeen;
  }
}

/** What arrived is not what a GDB stub sends, or not an answer to what was asked. @public */
export class GdbProtocolError extends GdbError {
  override readonly name = 'GdbProtocolError';
  override readonly code = 'ERR_GDB_PROTOCOL';
  /** The first bytes of what arrived. */
  readonly received: Uint8Array;

  constructor(problem: string, received: Uint8Array, details: GdbErrorDetails) {
    super(`${details.endpoint}: ${problem}; received '${printable(received)}'`, details);
    this.received = received.slice(0, 256);
  }
}

/** The connection ended, or was closed, while something was still expected of it. @public */
export class GdbClosedError extends GdbError {
  override readonly name = 'GdbClosedError';
  override readonly code = 'ERR_GDB_CLOSED';
  /** What is known of the reason, in words; may be empty. */
  readonly reason: string;

  constructor(what: string, reason: string, details: GdbErrorDetails) {
    super(`the connection to the GDB stub at ${details.endpoint} ${what}${reason && `: ${reason}`}`, details);
    this.reason = reason;
  }
}

function explainErrno(errno: number): string {
  switch (errno) {
    case 14:
      return 'memory fault, or no such register';
    case 22:
      return 'bad argument';
    default:
      return 'malformed request';
  }
}

function shorten(request: string): string {
  return request.length <= 80 ? request : `${request.slice(0, 80)}...`;
}

function printable(bytes: Uint8Array): string {
  const shown = Array.from(bytes.subarray(0, 80), (byte) =>
    byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${formatHex(byte).padStart(2, '0')}`,
  );
  return shown.join('') + (bytes.length > 80 ? '...' : '');
}
