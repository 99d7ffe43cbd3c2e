import { execFile } from 'node:child_process';
import { closeSync, constants, openSync, unlinkSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { promisify } from 'node:util';

/** A pipe whose other end a child inherits. @internal */
export interface NamelessPipe {
  /** Ends when no process has the other end. */
  readonly reader: Duplex;
  /** Is to be closed here when the child has it. */
  readonly writer: number;
}

/**
 * Makes a pipe. What Node makes of `pipe` is a pair of sockets, which hold a few hundred writes of a byte each, and a debug console
 * writes bytes: a guest that says more while this process computes would wait in the middle of an instruction, and QEMU's monitor and
 * stub with it. A pipe holds 64 KiB of them (pipe(7)).
 *
 * @param directory - of this user alone; the pipe has a name in it for a moment
 * @throws the system's error
 * @internal
 */
export async function makeNamelessPipe(directory: string): Promise<NamelessPipe> {
  const path = join(directory, 'pipe');
  // Who inherits it opens it once more, perhaps as another user.
  await promisify(execFile)('mkfifo', ['-m', '666', path]);
  let reader: number | undefined;
  try {
    // In this order, as the writing end waits for a reader.
    reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const writer = openSync(path, constants.O_WRONLY);
    return { reader: new Socket({ fd: reader, readable: true, writable: false }), writer };
  } catch (error) {
    if (reader !== undefined) closeSync(reader);
    throw error;
  } finally {
    unlinkSync(path);
  }
}
