/**
 * What the command refuses by itself; everything else it passes on.
 *
 * ```
 * CliError
 *  ├─ UsageError        ERR_CLI_USAGE        the command line is invalid; exit status 2
 *  ├─ TraceFileError    ERR_CLI_TRACE_FILE   the trace cannot be written where it was asked for; exit status 2
 *  ├─ InputFileError    ERR_CLI_INPUT_FILE   a file, or standard input, is not what it should be; exit status 2
 *  ├─ OutputFileError   ERR_CLI_OUTPUT_FILE  a file cannot be written where it was asked for; exit status 2
 *  ├─ PageMissingError  ERR_CLI_PAGE_MISSING the page of pictures was not built; exit status 3
 *  ├─ PortError         ERR_CLI_PORT         the page cannot be served on this port; exit status 2
 *  ├─ MomentError       ERR_CLI_MOMENT       the moment that --until waits for did not come; exit status 3
 *  └─ InterruptedError  ERR_CLI_INTERRUPTED  a signal; exit status 128 + its number
 * ```
 *
 * @packageDocumentation
 */

import { escapeLines } from '../../protocols/transport/internal.ts';

/** Root of this layer's errors. @internal */
export abstract class CliError extends Error {
  /** Stable; match on this, never on the message. */
  abstract readonly code: string;
  abstract readonly exitStatus: number;

  /** @param message - may quote a peer, a file or a child process: it is made printable here */
  constructor(message: string, options?: ErrorOptions) {
    super(escapeLines(message), options);
  }
}

/** The command line is invalid. Found before anything is connected. @internal */
export class UsageError extends CliError {
  override readonly name = 'UsageError';
  readonly code = 'ERR_CLI_USAGE';
  readonly exitStatus = 2;
  /** The command whose help would have helped; undefined when no command was recognised. */
  readonly command: string | undefined;

  constructor(message: string, command?: string, options?: ErrorOptions) {
    super(message, options);
    this.command = command;
  }
}

/** The file for the trace cannot be opened. Found before anything is connected. @internal */
export class TraceFileError extends CliError {
  override readonly name = 'TraceFileError';
  readonly code = 'ERR_CLI_TRACE_FILE';
  readonly exitStatus = 2;
  readonly file: string;

  constructor(file: string, cause: unknown) {
    super(`cannot write the trace to ${file}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.file = file;
  }
}

/** A file that is to be read cannot be, or something else is in it. @internal */
export class InputFileError extends CliError {
  override readonly name = 'InputFileError';
  readonly code = 'ERR_CLI_INPUT_FILE';
  readonly exitStatus = 2;
  readonly file: string;
  /** From 1 on; undefined when it is not about a line. */
  readonly line: number | undefined;

  constructor(file: string, line: number | undefined, message: string, options?: ErrorOptions) {
    super(`${file}${line === undefined ? '' : `:${line}`}: ${message}`, options);
    this.file = file;
    this.line = line;
  }
}

/** A file that was asked for cannot be written. Found before anything is connected, as far as it can be. @internal */
export class OutputFileError extends CliError {
  override readonly name = 'OutputFileError';
  readonly code = 'ERR_CLI_OUTPUT_FILE';
  readonly exitStatus = 2;
  readonly file: string;

  constructor(file: string, cause: unknown) {
    super(`cannot write ${file}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.file = file;
  }
}

/** The page is no part of this installation. @internal */
export class PageMissingError extends CliError {
  override readonly name = 'PageMissingError';
  readonly code = 'ERR_CLI_PAGE_MISSING';
  readonly exitStatus = 3;

  /** @param directory - beside which it was looked for */
  constructor(directory: string) {
    super(`the page of pictures is not beside ${directory}: build it with npm run build, or install pagewalk again`);
  }
}

const PORT_PROBLEMS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there',
  EACCES: 'this user may not listen there',
};

/** A port cannot be listened on. Found before anything is connected. @internal */
export class PortError extends CliError {
  override readonly name = 'PortError';
  readonly code = 'ERR_CLI_PORT';
  readonly exitStatus = 2;
  readonly port: number;

  constructor(host: string, port: number, cause: unknown) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = PORT_PROBLEMS[code ?? ''] ?? message;
    super(`cannot listen on ${host}:${port}: ${why}; give another --port, or none for a free one`, { cause });
    this.port = port;
  }
}

/** The moment that was waited for did not come. The guest runs as before. @internal */
export class MomentError extends CliError {
  override readonly name = 'MomentError';
  readonly code = 'ERR_CLI_MOMENT';
  readonly exitStatus = 3;
  /** What was waited for, as it was written. */
  readonly until: string;
  /** How often the guest was paused for it. */
  readonly pauses: number;

  constructor(until: string, pauses: number, message: string) {
    super(`--until ${until}: ${message}`);
    this.until = until;
    this.pauses = pauses;
  }
}

/** A signal asked the command to end. The guest was put back before this is thrown. @internal */
export class InterruptedError extends CliError {
  override readonly name = 'InterruptedError';
  readonly code = 'ERR_CLI_INTERRUPTED';
  readonly exitStatus: number;
  readonly signalName: string;

  constructor(signalName: string, signalNumber: number) {
    super(`ended by ${signalName}`);
    this.signalName = signalName;
    this.exitStatus = 128 + signalNumber;
  }
}
