import { accessSync, constants, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makePage } from '../../picture/internal.ts';
import { OutputFileError } from '../errors.ts';
import type { CliContext } from '../options/command.ts';
import type { PageFiles } from './page-files.ts';

/** What is in it is guest memory: for the user's eyes. */
const FILE_MODE = 0o600;

/**
 * Says that a file cannot be written before a guest is paused for it. Nothing is written yet: what fails leaves an older file.
 *
 * @throws {@link OutputFileError} `ERR_CLI_OUTPUT_FILE`.
 * @internal
 */
export function expectWritable(file: string): void {
  try {
    const known = statSync(file, { throwIfNoEntry: false });
    if (known?.isDirectory()) throw new Error('it is a directory');
    accessSync(known === undefined ? dirname(file) : file, constants.W_OK);
  } catch (error) {
    throw new OutputFileError(file, error);
  }
}

/**
 * Writes a page that has these moments in it.
 *
 * @returns how many bytes it has
 * @throws {@link OutputFileError} `ERR_CLI_OUTPUT_FILE`.
 * @internal
 */
export async function writePage(
  file: string,
  files: PageFiles,
  moments: readonly Uint8Array[],
  symbols: Uint8Array | null = null,
): Promise<number> {
  const inBase64 = (bytes: Uint8Array): string =>
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
  const page = makePage({
    ...files,
    moments: moments.map(inBase64),
    symbols: symbols === null ? null : inBase64(symbols),
  });
  try {
    await writeFile(file, page, { mode: FILE_MODE });
  } catch (error) {
    throw new OutputFileError(file, error);
  }
  return Buffer.byteLength(page);
}

/** Says that a page was written. @internal */
export async function printWritten(
  file: string,
  lengthBytes: number,
  { print }: Pick<CliContext, 'print'>,
): Promise<void> {
  await print(`${file}: ${(lengthBytes / 1e6).toFixed(1)} MB, to look at in a browser\n`);
}
