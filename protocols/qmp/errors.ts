/**
 * What can go wrong between this program and QEMU's monitor.
 *
 * ```
 * QmpError
 *  ├─ QmpProtocolError   ERR_QMP_PROTOCOL       what came is not QMP (or no longer makes sense); the connection is closed
 *  ├─ QmpBusyError       ERR_QMP_BUSY           connected, but never greeted
 *  ├─ QmpClosedError     ERR_QMP_CLOSED         the connection ended, with or without a request waiting
 *  ├─ QmpTimeoutError    ERR_QMP_TIMEOUT        a request or an event did not come in time; the connection lives on
 *  ├─ QmpTlsStallError   ERR_QMP_TLS_STALL      greeted over TLS, and then never answered: QEMU up to 9
 *  ├─ QmpCommandError    ERR_QMP_COMMAND        QEMU answered with an error
 *  ├─ QmpUndeliveredError ERR_QMP_UNDELIVERED   who stands between QEMU and us (libvirt) gave no answer of QEMU's
 *  ├─ QmpReplyError      ERR_QMP_REPLY          QEMU answered, but not in the shape that was expected
 *  ├─ QmpHmpError        ERR_QMP_HMP            the human monitor did not understand a command line
 *  ├─ MonitorTextError   ERR_QMP_MONITOR_TEXT   a text of the human monitor could not be read
 *  └─ DeviceStateError   ERR_QMP_DEVICE_STATE   a device state file could not be read
 * ```
 *
 * @packageDocumentation
 */

import { escapeLines, formatPrintable, printableText } from '../transport/internal.ts';

/** Root of the errors of this layer. @public */
export abstract class QmpError extends Error {
  /** Stable; match on this, never on the message. */
  abstract readonly code: string;

  /** @param message - may quote a peer, a file or a child process: it is made printable here */
  constructor(message: string, options?: ErrorOptions) {
    super(escapeLines(message), options);
  }
}

/** The peer does not speak QMP, or stopped making sense. Always the end of the connection. @public */
export class QmpProtocolError extends QmpError {
  override readonly name = 'QmpProtocolError';
  readonly code = 'ERR_QMP_PROTOCOL';
  readonly endpoint: string;
  /** What should have come, in words. */
  readonly expected: string;
  /** What came instead, from its beginning, at most a few hundred characters. */
  readonly received: string;

  constructor(
    evidence: { endpoint: string; expected: string; received: string; hint?: string },
    options?: ErrorOptions,
  ) {
    const { endpoint, expected, received, hint } = evidence;
    super(
      `${endpoint}: expected ${expected}, received ${formatPrintable(received)}${hint === undefined ? '' : `; ${hint}`}`,
      options,
    );
    this.endpoint = endpoint;
    this.expected = expected;
    this.received = received;
  }
}

/**
 * Connected, but nothing was said. A QEMU monitor serves one client; the next one is accepted by the system and waits in
 * silence until the first one leaves.
 *
 * @public
 */
export class QmpBusyError extends QmpError {
  override readonly name = 'QmpBusyError';
  readonly code = 'ERR_QMP_BUSY';
  readonly endpoint: string;
  readonly timeoutMs: number;

  constructor(endpoint: string, timeoutMs: number) {
    super(
      `${endpoint}: connected, but no QMP greeting within ${timeoutMs} ms. Either another client is using this monitor ` +
        '(QEMU serves one at a time: disconnect it, or give QEMU a second -qmp socket), or this is not a QMP socket ' +
        '(a GDB stub or a human monitor, for example)',
    );
    this.endpoint = endpoint;
    this.timeoutMs = timeoutMs;
  }
}

/** What QEMU's SHUTDOWN event said before the end. @public */
export interface ShutdownNotice {
  /** `guest-shutdown`, `host-signal`, `host-qmp-quit` and so on; empty when QEMU gave none. */
  readonly reason: string;
}

/** The connection is over. `cause`, where there is one, is the error that ended it. @public */
export class QmpClosedError extends QmpError {
  override readonly name = 'QmpClosedError';
  readonly code = 'ERR_QMP_CLOSED';
  readonly endpoint: string;
  /** Who or what ended it, in words. */
  readonly happened: string;
  /** The command that was waiting or was refused. */
  readonly command: string | undefined;
  /** What the transport knows of the reason; may be empty. */
  readonly explanation: string;
  readonly shutdown: ShutdownNotice | undefined;

  constructor(
    evidence: {
      endpoint: string;
      happened: string;
      command?: string | undefined;
      explanation?: string;
      shutdown?: ShutdownNotice | undefined;
    },
    options?: ErrorOptions,
  ) {
    const { endpoint, happened, command, explanation = '', shutdown } = evidence;
    const who = command === undefined ? '' : `${command} got no reply: `;
    const announced =
      shutdown === undefined
        ? ''
        : `, after announcing its shutdown (${printableText(shutdown.reason) || 'no reason given'})`;
    const known = explanation === '' ? '' : ` (${explanation})`;
    super(`${endpoint}: ${who}${happened}${announced}${known}`, options);
    this.endpoint = endpoint;
    this.happened = happened;
    this.command = command;
    this.explanation = explanation;
    this.shutdown = shutdown;
  }
}

/** Something did not come in time. A late reply is recognised by its number and dropped. @public */
export class QmpTimeoutError extends QmpError {
  override readonly name = 'QmpTimeoutError';
  readonly code = 'ERR_QMP_TIMEOUT';
  readonly endpoint: string;
  /** The command, or `event NAME`. */
  readonly awaited: string;
  readonly timeoutMs: number;

  constructor(endpoint: string, awaited: string, timeoutMs: number) {
    super(
      `${endpoint}: ${awaited}: nothing came within ${timeoutMs} ms. QEMU's main loop may be blocked, for example by ` +
        'slow storage or by another client that does not read',
    );
    this.endpoint = endpoint;
    this.awaited = awaited;
    this.timeoutMs = timeoutMs;
  }
}

/** The greeting came over TLS, but no reply to the first command: what QEMU 7.2 does with every client. @public */
export class QmpTlsStallError extends QmpError {
  override readonly name = 'QmpTlsStallError';
  readonly code = 'ERR_QMP_TLS_STALL';
  readonly endpoint: string;
  readonly version: string;

  constructor(endpoint: string, version: string) {
    super(
      `${endpoint}: QEMU ${version} greeted over TLS, but does not answer. QEMU 7.2 reads of each TLS record its first byte alone, ` +
        'whatever the client (10.0 does not have this fault): use a unix socket (host:[ssh lab]unix:PATH on another host), or a newer QEMU',
    );
    this.endpoint = endpoint;
    this.version = version;
  }
}

/** QEMU refused a command. @public */
export class QmpCommandError extends QmpError {
  override readonly name = 'QmpCommandError';
  readonly code = 'ERR_QMP_COMMAND';
  readonly endpoint: string;
  readonly command: string;
  /** `GenericError`, `CommandNotFound`, `DeviceNotFound`, ... */
  readonly errorClass: string;
  /** QEMU's own sentence. */
  readonly desc: string;

  constructor(endpoint: string, command: string, refusal: { errorClass: string; desc: string }) {
    super(`${endpoint}: ${command}: ${printableText(refusal.desc)} (${printableText(refusal.errorClass)})`);
    this.endpoint = endpoint;
    this.command = command;
    this.errorClass = refusal.errorClass;
    this.desc = refusal.desc;
  }
}

/**
 * Who stands between QEMU and us gave words of its own instead of QEMU's reply: libvirt was restarted, or refuses. Whether QEMU has
 * carried the command out is not known. The connection lives on.
 *
 * @public
 */
export class QmpUndeliveredError extends QmpError {
  override readonly name = 'QmpUndeliveredError';
  readonly code = 'ERR_QMP_UNDELIVERED';
  readonly endpoint: string;
  readonly command: string;
  /** The sentence of who stands between. */
  readonly desc: string;

  constructor(endpoint: string, command: string, desc: string) {
    super(`${endpoint}: ${command} got no reply of QEMU's: ${printableText(desc)}`);
    this.endpoint = endpoint;
    this.command = command;
    this.desc = desc;
  }
}

/** QEMU's reply does not have the shape it has in the versions that are known. `cause` is what the schema said. @public */
export class QmpReplyError extends QmpError {
  override readonly name = 'QmpReplyError';
  readonly code = 'ERR_QMP_REPLY';
  readonly endpoint: string;
  readonly command: string;
  /** Where in the reply, `[0].cpu-index`; empty for the whole reply. */
  readonly path: string;
  /** The reply as JSON, from its beginning, at most a few hundred characters. */
  readonly reply: string;

  constructor(
    evidence: { endpoint: string; command: string; path: string; problem: string; reply: string },
    options?: ErrorOptions,
  ) {
    const { endpoint, command, path, problem, reply } = evidence;
    super(
      `${endpoint}: unexpected reply to ${command}: ${path === '' ? '' : `${printableText(path)}: `}${printableText(problem)}, in ${formatPrintable(reply)}`,
      options,
    );
    this.endpoint = endpoint;
    this.command = command;
    this.path = path;
    this.reply = reply;
  }
}

/** The human monitor's way of refusing: an ordinary return text. @public */
export class QmpHmpError extends QmpError {
  override readonly name = 'QmpHmpError';
  readonly code = 'ERR_QMP_HMP';
  readonly endpoint: string;
  readonly commandLine: string;
  readonly output: string;

  constructor(endpoint: string, commandLine: string, output: string) {
    super(`${endpoint}: the monitor command ${JSON.stringify(commandLine)} failed: ${formatPrintable(output.trim())}`);
    this.endpoint = endpoint;
    this.commandLine = commandLine;
    this.output = output;
  }
}

/** How much of a wrong line is kept as evidence. */
const LINE_CHARS = 4096;

/** A text of the human monitor is not what the known QEMU versions print. @public */
export class MonitorTextError extends QmpError {
  override readonly name = 'MonitorTextError';
  readonly code = 'ERR_QMP_MONITOR_TEXT';
  /** The monitor command whose output this is. */
  readonly commandLine: string;
  /** Counted from 1; 0 when it is not one line that is wrong. */
  readonly lineNumber: number;
  readonly line: string;

  constructor(commandLine: string, problem: string, where?: { lineNumber: number; line: string }) {
    const place = where === undefined ? '' : ` (line ${where.lineNumber}: ${formatPrintable(where.line)})`;
    super(`cannot read the output of ${JSON.stringify(commandLine)}: ${problem}${place}`);
    this.commandLine = commandLine;
    this.lineNumber = where?.lineNumber ?? 0;
    this.line = where?.line.slice(0, LINE_CHARS) ?? '';
  }
}

/** The bytes are not a device state as `xen-save-devices-state` writes it. @public */
export class DeviceStateError extends QmpError {
  override readonly name = 'DeviceStateError';
  readonly code = 'ERR_QMP_DEVICE_STATE';
  /** Where in the bytes. */
  readonly offset: number;

  constructor(problem: string, offset: number) {
    super(`cannot read the device state: ${problem} (at byte ${offset})`);
    this.offset = offset;
  }
}
