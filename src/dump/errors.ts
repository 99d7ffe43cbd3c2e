/**
 * What can be wrong with a dump.
 *
 * ```
 * DumpError
 *  ├─ DumpFileError         ERR_DUMP_FILE         the system does not let it be read
 *  ├─ DumpFormatError       ERR_DUMP_FORMAT       it is damaged, cut off, or made to mislead
 *  ├─ DumpUnsupportedError  ERR_DUMP_UNSUPPORTED  it is of a kind that is not read here
 *  └─ DumpRegistersError    ERR_DUMP_REGISTERS    there are no registers, or their file holds none
 * ```
 *
 * @packageDocumentation
 */

import { escapeLines } from '../../protocols/transport/internal.ts';

/** Root of this layer's errors. @public */
export abstract class DumpError extends Error {
  /** Stable; match on this, never on the message. */
  abstract readonly code: string;
  /** The file that it is about. */
  readonly file: string;

  /** @param message - may quote a file: it is made printable here */
  constructor(file: string, message: string, options?: ErrorOptions) {
    super(escapeLines(`${file}: ${message}`), options);
    this.file = file;
  }
}

/** The system does not let the file be read. @public */
export class DumpFileError extends DumpError {
  override readonly name = 'DumpFileError';
  readonly code = 'ERR_DUMP_FILE';
}

/** The file contradicts itself or ends too soon: it is damaged, was cut off, or was made to mislead. @public */
export class DumpFormatError extends DumpError {
  override readonly name = 'DumpFormatError';
  readonly code = 'ERR_DUMP_FORMAT';
}

/** The file is of a kind that is not read here. The message says what to do. @public */
export class DumpUnsupportedError extends DumpError {
  override readonly name = 'DumpUnsupportedError';
  readonly code = 'ERR_DUMP_UNSUPPORTED';
}

/** There are no registers, or the file that should hold them holds none. @public */
export class DumpRegistersError extends DumpError {
  override readonly name = 'DumpRegistersError';
  readonly code = 'ERR_DUMP_REGISTERS';
}
