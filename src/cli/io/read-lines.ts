import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { InputFileError, UsageError } from '../errors.ts';
import type { CliContext } from '../options/command.ts';

/** One line of a file, without its end. @internal */
export interface TextLine {
  /** From 1 on. */
  readonly number: number;
  /** Not more than `maxChars` of it. */
  readonly text: string;
  readonly isCut: boolean;
}

/** Where lines come from. @internal */
export interface LineSource {
  /** For messages. */
  readonly name: string;
  /** Whether it can be read more than once: a pipe cannot. */
  readonly isRepeatable: boolean;
  open(): AsyncIterable<Uint8Array>;
}

/**
 * Finds a file, or standard input for `-`. Nothing is read yet.
 *
 * @throws {@link InputFileError} `ERR_CLI_INPUT_FILE`; {@link UsageError} without a standard input.
 * @internal
 */
export async function openLineSource(
  file: string,
  { input }: Pick<CliContext, 'input'>,
  command: string,
): Promise<LineSource> {
  if (file === '-') {
    if (input === undefined) throw new UsageError('there is no standard input to read', command);
    return { name: 'standard input', isRepeatable: false, open: () => input };
  }
  const about = await stat(file).catch((error: Error) => {
    throw new InputFileError(file, undefined, `cannot be read: ${error.message}`, { cause: error });
  });
  if (about.isDirectory()) throw new InputFileError(file, undefined, 'is a directory');
  return { name: file, isRepeatable: about.isFile(), open: () => readBytes(file) };
}

async function* readBytes(file: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(file);
  } catch (error) {
    throw new InputFileError(file, undefined, `cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * Cuts bytes into lines, those that arrived together at once: an iteration step for each of millions of lines is what takes the
 * time. A line that is longer than anything sensible is cut off, and never kept as a whole.
 *
 * @internal
 */
export async function* readLines(bytes: AsyncIterable<Uint8Array>, maxChars: number): AsyncGenerator<TextLine[]> {
  const decoder = new TextDecoder();
  let number = 1;
  let rest = '';
  let isCut = false;
  const finish = (piece: string): TextLine => {
    const whole = `${rest}${piece}`;
    const text = whole.endsWith('\r') ? whole.slice(0, -1) : whole;
    const line = { number, text: text.slice(0, maxChars), isCut: isCut || text.length > maxChars };
    number += 1;
    rest = '';
    isCut = false;
    return line;
  };
  for await (const part of bytes) {
    const pieces = decoder.decode(part, { stream: true }).split('\n');
    const tail = pieces.pop() ?? '';
    if (pieces.length > 0) yield pieces.map(finish);
    // One more than is kept, so that the line is seen to be too long; two for a carriage return that may follow.
    isCut ||= rest.length + tail.length > maxChars + 1;
    rest = `${rest}${tail}`.slice(0, maxChars + 1);
  }
  rest += decoder.decode();
  if (rest !== '') yield [finish('')];
}
