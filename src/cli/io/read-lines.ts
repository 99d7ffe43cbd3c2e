import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { InputFileError, UsageError } from '../errors.ts';
import type { CliContext } from '../options/command.ts';

/** No line of a list or a map is nearly as long: what has none so far has lines no more than /dev/zero has. */
const MAX_LINE_CHARS = 1024 * 1024;
const READ_BYTES = 65_536;
/** How long a pipe that has nothing for us is left alone. */
const POLL_MS = 10;

/** One line of a file, without its end. @internal */
export interface TextLine {
  /** From 1 on. */
  readonly number: number;
  /** Not more than `maxChars` of it. */
  readonly text: string;
  readonly isCut: boolean;
  /** Of all of it. */
  readonly lengthChars: number;
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
  context: Pick<CliContext, 'input' | 'signal'>,
  command: string,
): Promise<LineSource> {
  if (file === '-') {
    const { input } = context;
    if (input === undefined) throw new UsageError('there is no standard input to read', command);
    return { name: 'standard input', isRepeatable: false, open: () => input };
  }
  const about = await stat(file).catch((error: Error) => {
    throw new InputFileError(file, undefined, `cannot be read: ${error.message}`, { cause: error });
  });
  if (about.isDirectory()) throw new InputFileError(file, undefined, 'is a directory');
  const { signal } = context;
  return { name: file, isRepeatable: about.isFile(), open: () => readBytes(file, about.isFIFO(), signal) };
}

/** The bytes of a file. Opening a pipe does not wait for a writer, which might never come. */
async function* readBytes(file: string, isPipe: boolean, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const refuse = (error: Error): never => {
    throw new InputFileError(file, undefined, `cannot be read: ${error.message}`, { cause: error });
  };
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
  const handle = await open(file, flags).catch(refuse);
  try {
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    for (let total = 0; ; ) {
      signal.throwIfAborted();
      const length = await readSome(handle, buffer).catch(refuse);
      if (length === 0 && total === 0 && isPipe) {
        throw new InputFileError(file, undefined, 'is a pipe that nothing writes into');
      }
      if (length === 0) return;
      if (length === undefined) {
        await delay(POLL_MS);
        continue;
      }
      total += length;
      yield buffer.subarray(0, length);
    }
  } finally {
    await handle.close();
  }
}

/** Undefined where there is nothing yet. */
async function readSome(handle: FileHandle, buffer: Buffer): Promise<number | undefined> {
  try {
    return (await handle.read(buffer, 0, buffer.length, null)).bytesRead;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return undefined;
    throw error;
  }
}

/**
 * Cuts bytes into lines, those that arrived together at once: an iteration step for each of millions of lines is what takes the
 * time. A line that is longer than anything sensible is cut off, and never kept as a whole.
 *
 * @throws {@link InputFileError} `ERR_CLI_INPUT_FILE` for a line that is longer than any.
 * @internal
 */
export async function* readLines(
  source: Pick<LineSource, 'name' | 'open'>,
  maxChars: number,
): AsyncGenerator<TextLine[]> {
  const decoder = new TextDecoder();
  let number = 1;
  let rest = '';
  let droppedChars = 0;
  const finish = (piece: string): TextLine => {
    const whole = `${rest}${piece}`;
    const text = whole.endsWith('\r') ? whole.slice(0, -1) : whole;
    const isCut = droppedChars > 0 || text.length > maxChars;
    const line = { number, text: text.slice(0, maxChars), isCut, lengthChars: droppedChars + text.length };
    number += 1;
    rest = '';
    droppedChars = 0;
    return line;
  };
  for await (const part of source.open()) {
    const pieces = decoder.decode(part, { stream: true }).split('\n');
    const tail = pieces.pop() ?? '';
    if (pieces.length > 0) yield pieces.map(finish);
    // One more than is kept, so that the line is seen to be too long; two for a carriage return that may follow.
    const kept = `${rest}${tail}`;
    rest = kept.slice(0, maxChars + 1);
    droppedChars += kept.length - rest.length;
    if (droppedChars > MAX_LINE_CHARS) {
      throw new InputFileError(source.name, number, `has no line end within ${MAX_LINE_CHARS} characters`);
    }
  }
  rest += decoder.decode();
  if (rest !== '') yield [finish('')];
}
