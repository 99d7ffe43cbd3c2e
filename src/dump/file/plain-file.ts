/// <reference lib="esnext.disposable" preserve="true" />
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { DumpFileError, DumpFormatError } from '../errors.ts';
import type { ByteSource } from './byte-source.ts';

/** A file of this host, which is only read. @internal */
export class PlainFile implements ByteSource, Disposable {
  readonly name: string;
  readonly sizeBytes: number;
  readonly #descriptor: number;
  #isOpen = true;

  /** @throws DumpFileError `ERR_DUMP_FILE` for what cannot be opened, or is no file of a known size. */
  constructor(name: string) {
    this.name = name;
    try {
      // Without waiting: opening a FIFO would wait for its writer.
      this.#descriptor = openSync(name, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (error) {
      throw new DumpFileError(name, `cannot be opened: ${messageOf(error)}`, { cause: error });
    }
    const stats = fstatSync(this.#descriptor);
    this.sizeBytes = stats.size;
    if (stats.isFile()) return;
    closeSync(this.#descriptor);
    throw new DumpFileError(name, 'is no regular file: a dump is read at many places, so save it to a file first');
  }

  readInto(offset: number, target: Uint8Array): void {
    let done = 0;
    while (done < target.length) {
      const count = this.#read(target, done, offset + done);
      if (count === 0) {
        throw new DumpFormatError(this.name, `ends at byte ${offset + done}: it became shorter while it was read`);
      }
      done += count;
    }
  }

  [Symbol.dispose](): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    closeSync(this.#descriptor);
  }

  #read(target: Uint8Array, from: number, offset: number): number {
    try {
      return readSync(this.#descriptor, target, from, target.length - from, offset);
    } catch (error) {
      throw new DumpFileError(this.name, `cannot be read at byte ${offset}: ${messageOf(error)}`, { cause: error });
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
