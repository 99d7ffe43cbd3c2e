/**
 * What can go wrong while a guest for tests is started and listened to.
 *
 * ```
 * TestingError
 *  ├─ QemuLaunchError                          no guest is running:
 *  │                  ERR_TESTING_SPAWN        the program could not be started
 *  │                  ERR_TESTING_EXITED       QEMU ended before it answered
 *  │                  ERR_TESTING_TIMEOUT      QEMU did not answer in time
 *  ├─ GuestConsoleError                        the awaited line did not come:
 *  │                  ERR_TESTING_CONSOLE_TIMEOUT
 *  │                  ERR_TESTING_CONSOLE_CLOSED
 *  └─ QemuOptionError ERR_TESTING_OPTION       something was used that the guest was started without
 * ```
 *
 * @packageDocumentation
 */

import { escapeLines } from '../../protocols/transport/internal.ts';

/** Root of the errors of the test kit. @public */
export abstract class TestingError extends Error {
  /** Stable; match on this, never on the message. */
  abstract readonly code: string;

  /** @param message - may quote a peer, a file or a child process: it is made printable here */
  constructor(message: string, options?: ErrorOptions) {
    super(escapeLines(message), options);
  }
}

/** The codes of {@link QemuLaunchError}. @public */
export type QemuLaunchErrorCode = 'ERR_TESTING_SPAWN' | 'ERR_TESTING_EXITED' | 'ERR_TESTING_TIMEOUT';

/** QEMU was not started, or is of no use and was ended again. @public */
export class QemuLaunchError extends TestingError {
  override readonly name = 'QemuLaunchError';
  readonly code: QemuLaunchErrorCode;
  /** The program and its arguments. */
  readonly command: readonly string[];
  /** The end of what QEMU wrote on standard output and standard error. */
  readonly output: string;

  constructor(
    code: QemuLaunchErrorCode,
    problem: string,
    evidence: { readonly command: readonly string[]; readonly output: string },
    options?: ErrorOptions,
  ) {
    const said = evidence.output === '' ? '' : `\nIt said: ${evidence.output}`;
    super(`${problem}\nCommand: ${evidence.command.join(' ')}${said}`, options);
    this.code = code;
    this.command = evidence.command;
    this.output = evidence.output;
  }
}

/** The codes of {@link GuestConsoleError}. @public */
export type GuestConsoleErrorCode = 'ERR_TESTING_CONSOLE_TIMEOUT' | 'ERR_TESTING_CONSOLE_CLOSED';

/** An awaited line did not appear on the debug console. @public */
export class GuestConsoleError extends TestingError {
  override readonly name = 'GuestConsoleError';
  readonly code: GuestConsoleErrorCode;
  /** The last lines that did appear. */
  readonly lastLines: readonly string[];

  constructor(code: GuestConsoleErrorCode, problem: string, lastLines: readonly string[]) {
    const seen = lastLines.length === 0 ? 'It said nothing.' : `Its last lines:\n${lastLines.join('\n')}`;
    super(`${problem}. ${seen}`);
    this.code = code;
    this.lastLines = lastLines;
  }
}

/** The guest was started without what is now asked for. @public */
export class QemuOptionError extends TestingError {
  override readonly name = 'QemuOptionError';
  readonly code = 'ERR_TESTING_OPTION';
}
