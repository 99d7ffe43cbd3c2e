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
 *  │                  ERR_TESTING_CONSOLE_FAILED  a line came that means failure
 *  ├─ GuestShellError    ERR_TESTING_SHELL     a command in the guest was not taken, or did not end
 *  ├─ GuestRunError      ERR_TESTING_RUN       the guest did not come to an address in time
 *  ├─ GuestDiedError     ERR_TESTING_GUEST_DIED  the guest has come to an end
 *  ├─ ExpectationError   ERR_TESTING_EXPECTATION  an answer or a map is not as a test expects it
 *  ├─ CheckpointError    ERR_TESTING_CHECKPOINT  QEMU would not save the guest, or put it back
 *  └─ QemuOptionError    ERR_TESTING_OPTION    something was used that the guest was started without, or cannot be used so
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
    // The command is long, and says least.
    const said = evidence.output === '' ? '' : `\nIt said: ${evidence.output}`;
    super(`${problem}${said}\nCommand: ${evidence.command.join(' ')}`, options);
    this.code = code;
    this.command = evidence.command;
    this.output = evidence.output;
  }
}

/** The codes of {@link GuestConsoleError}. @public */
export type GuestConsoleErrorCode =
  | 'ERR_TESTING_CONSOLE_TIMEOUT'
  | 'ERR_TESTING_CONSOLE_CLOSED'
  | 'ERR_TESTING_CONSOLE_FAILED';

/** What may be said besides. @internal */
export function inBrackets(text: string | undefined): string {
  return text === undefined ? '' : ` (${text})`;
}

function describeTail(lastLines: readonly string[]): string {
  return lastLines.length === 0 ? 'It said nothing.' : `Its last lines:\n${lastLines.join('\n')}`;
}

/** An awaited line did not appear on the debug console or the serial port. @public */
export class GuestConsoleError extends TestingError {
  override readonly name = 'GuestConsoleError';
  readonly code: GuestConsoleErrorCode;
  /** The last lines that did appear. */
  readonly lastLines: readonly string[];

  constructor(code: GuestConsoleErrorCode, problem: string, lastLines: readonly string[]) {
    super(`${problem}. ${describeTail(lastLines)}`);
    this.code = code;
    this.lastLines = lastLines;
  }
}

/** The guest was started without what is now asked for, or that cannot be asked for so. @public */
export class QemuOptionError extends TestingError {
  override readonly name = 'QemuOptionError';
  readonly code = 'ERR_TESTING_OPTION';
}

/** A command in the guest was not taken by a shell, or did not end. @public */
export class GuestShellError extends TestingError {
  override readonly name = 'GuestShellError';
  readonly code = 'ERR_TESTING_SHELL';
  /** The last lines of the console. */
  readonly lastLines: readonly string[];

  constructor(problem: string, lastLines: readonly string[]) {
    super(`${problem}. ${describeTail(lastLines)}`);
    this.lastLines = lastLines;
  }
}

/** The guest was let run to an address, and did not come to it. It runs on. @public */
export class GuestRunError extends TestingError {
  override readonly name = 'GuestRunError';
  readonly code = 'ERR_TESTING_RUN';
  /** Where the vCPUs were when the time was up. */
  readonly instructionPointers: readonly bigint[];
  /** The last lines of the console. */
  readonly lastLines: readonly string[];

  constructor(problem: string, instructionPointers: readonly bigint[], lastLines: readonly string[]) {
    super(`${problem}. ${describeTail(lastLines)}`);
    this.instructionPointers = instructionPointers;
    this.lastLines = lastLines;
  }
}

/**
 * How a guest came to its end: `exited` is QEMU's process that is gone; `panicked` is told by pvpanic, or by what a Linux says on its
 * console; `stopped` is a reset or shutdown that the guest did not ask for.
 *
 * @public
 */
export type GuestEndKind = 'exited' | 'shutdown' | 'reset' | 'triple-fault' | 'panicked' | 'stopped';

/** How a guest came to its end, and what could be read of it then. @public */
export interface GuestEnd {
  readonly how: GuestEndKind;
  /** Of a `reset`: QEMU tells a triple fault from one that the guest has asked for under TCG only, by its log of `cpu_reset`. */
  readonly mayBeTripleFault: boolean;
  /** How QEMU's process ended; null while it is there. */
  readonly exit: { readonly status: number | null; readonly signal: string | null } | null;
  /** The vCPU whose registers these are; null where none could be read. */
  readonly cpu: number | null;
  readonly rip: bigint | null;
  readonly cr2: bigint | null;
  readonly cr3: bigint | null;
  /** The walk for CR2, as text; null where there is none, or it says nothing. */
  readonly walk: string | null;
  /** The end of what QEMU wrote on standard output and standard error. */
  readonly output: string;
  /** The last lines of the console. */
  readonly lastLines: readonly string[];
}

/** The guest has come to an end while a test was using it. @public */
export class GuestDiedError extends TestingError {
  override readonly name = 'GuestDiedError';
  readonly code = 'ERR_TESTING_GUEST_DIED';
  readonly end: GuestEnd;

  /** @param description - of the end, in lines */
  constructor(end: GuestEnd, description: string) {
    super(description);
    this.end = end;
  }
}

/** An answer or a map is not as a test expects it. @public */
export class ExpectationError extends TestingError {
  override readonly name = 'ExpectationError';
  readonly code = 'ERR_TESTING_EXPECTATION';
  /** What was expected, in words. */
  readonly expected: string;
  /** Runners that compare the two show no difference: the message is the walk. */
  readonly showDiff = false;

  constructor(message: string, expected: string) {
    super(message);
    this.expected = expected;
  }
}

/** QEMU would not save the guest, or put it back. @public */
export class CheckpointError extends TestingError {
  override readonly name = 'CheckpointError';
  readonly code = 'ERR_TESTING_CHECKPOINT';
}
