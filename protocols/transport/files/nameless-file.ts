import { closeSync, constants, fstatSync, ftruncateSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file that never has a name (open(2)); Node has no name for it. */
const O_TMPFILE = 0o20200000;
const OWNER_ONLY = 0o600;

/**
 * A file without a name, open twice: for who is to write in it, and for us to read. The place to write at is the writer's, and goes on
 * from one time to the next.
 *
 * @internal
 */
export class NamelessFile {
  /** For writing alone. */
  readonly writer: number;
  readonly #reader: number;
  #taken = 0;
  #isOpen = true;

  /** @throws the system's error */
  constructor() {
    this.writer = openNameless();
    try {
      this.#reader = openSync(`/proc/self/fd/${this.writer}`, constants.O_RDONLY);
    } catch (error) {
      closeSync(this.writer);
      throw error;
    }
  }

  /** @throws Error in words where more than `maxBytes` were written. */
  take(maxBytes: number): Buffer {
    const { size } = fstatSync(this.#reader);
    const lengthBytes = size - this.#taken;
    if (lengthBytes > maxBytes)
      throw new Error(`QEMU wrote ${lengthBytes} bytes, and ${maxBytes} at most are expected`);
    const bytes = Buffer.alloc(Math.max(0, lengthBytes));
    let filled = 0;
    while (filled < bytes.length) {
      const count = readSync(this.#reader, bytes, filled, bytes.length - filled, this.#taken + filled);
      if (count === 0) break;
      filled += count;
    }
    this.#taken += filled;
    // Its bytes are given back; what is written next begins where this ended, behind a hole.
    ftruncateSync(this.writer, 0);
    ftruncateSync(this.writer, this.#taken);
    return bytes.subarray(0, filled);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    // The registers of a guest are in it.
    ftruncateSync(this.writer, 0);
    closeSync(this.writer);
    closeSync(this.#reader);
  }
}

/** Undefined where none can be made in the temporary folder. @internal */
export function makeNamelessFile(): NamelessFile | undefined {
  try {
    return new NamelessFile();
  } catch {
    return undefined;
  }
}

function openNameless(): number {
  try {
    return openSync(tmpdir(), O_TMPFILE | constants.O_WRONLY, OWNER_ONLY);
  } catch {
    // Not every file system has them.
    const directory = mkdtempSync(join(tmpdir(), 'pagewalk-'));
    const path = join(directory, 'device-state');
    try {
      return openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, OWNER_ONLY);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }
}
