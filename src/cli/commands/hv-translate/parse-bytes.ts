import { readFileSync } from 'node:fs';
import { InputFileError, UsageError } from '../../errors.ts';

/**
 * Bytes as hexadecimal digits, with spaces or without, or `@FILE` with the bytes themselves in it.
 *
 * @param what - names the bytes in messages: `--input`
 * @throws {@link UsageError} `ERR_CLI_USAGE`; {@link InputFileError} `ERR_CLI_INPUT_FILE`.
 * @internal
 */
export function parseBytes(text: string, what: string, command: string): Uint8Array {
  if (text.startsWith('@')) return readBytes(text.slice(1));
  const digits = text.replace(/^0x/i, '').replaceAll(/[\s_]/g, '');
  if (!/^(?:[0-9a-f]{2})+$/i.test(digits)) {
    const shown = JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
    throw new UsageError(`${what} ${shown} is not made of pairs of hexadecimal digits; a file is @FILE`, command);
  }
  return Uint8Array.from(Buffer.from(digits, 'hex'));
}

function readBytes(file: string): Uint8Array {
  try {
    return Uint8Array.from(readFileSync(file));
  } catch (error) {
    throw new InputFileError(file, undefined, `cannot be read: ${(error as Error).message}`, { cause: error });
  }
}
