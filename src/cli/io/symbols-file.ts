import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import {
  type FileBytes,
  isElf,
  LinuxDataError,
  parseElfSymbols,
  parseSymbolLines,
  type SymbolTable,
} from '../../linux/internal.ts';
import { InputFileError } from '../errors.ts';

/** System.map of a kernel with everything in it has some ten megabytes. */
const MOST_TEXT_BYTES = 256 << 20;

/**
 * Symbols out of a file: ELF, System.map, the output of nm, a saved /proc/kallsyms.
 *
 * @throws {@link InputFileError} `ERR_CLI_INPUT_FILE`.
 * @internal
 */
export function readSymbolsFile(path: string): readonly SymbolTable[] {
  try {
    return readTables(path);
  } catch (error) {
    if (!(error instanceof Error) || error instanceof InputFileError) throw error;
    const problem =
      error instanceof LinuxDataError ? error.message.slice(`${path}: `.length) : `cannot be read: ${error.message}`;
    throw new InputFileError(path, undefined, problem, { cause: error });
  }
}

function readTables(path: string): readonly SymbolTable[] {
  const descriptor = openSync(path, 'r');
  try {
    const about = fstatSync(descriptor);
    // A pipe might never end, and cannot be read here and there.
    if (!about.isFile()) throw new InputFileError(path, undefined, 'is no plain file');
    const file: FileBytes = {
      lengthBytes: about.size,
      read(offset, lengthBytes) {
        const bytes = new Uint8Array(Math.max(0, Math.min(lengthBytes, about.size - offset)));
        return bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, offset));
      },
    };
    if (isElf(file)) return [parseElfSymbols(file, path)];
    if (about.size > MOST_TEXT_BYTES) throw new LinuxDataError(path, 'it is too long for a list of symbols');
    return parseSymbolLines(file.read(0, about.size), path);
  } finally {
    closeSync(descriptor);
  }
}
