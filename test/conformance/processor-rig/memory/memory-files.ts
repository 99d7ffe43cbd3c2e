import { closeSync, ftruncateSync, mkdtempSync, openSync, readSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RAM_BYTES } from '../layout.ts';

/**
 * A guest's memory in files that this process has open too: it reads and writes them at the speed of memory. The files have
 * names only until QEMU has opened them.
 */
export class MemoryFiles implements Disposable {
  readonly #directory: string;
  readonly #files: number[] = [];

  private constructor() {
    this.#directory = mkdtempSync(join(memoryDirectory(), 'pagewalk-probe-'));
  }

  /** @param names - one file for each */
  static create(names: readonly string[]): MemoryFiles {
    const files = new MemoryFiles();
    try {
      for (const name of names) files.#add(name);
      return files;
    } catch (error) {
      files[Symbol.dispose]();
      throw error;
    }
  }

  /** The file's name, as a value of a QEMU option. */
  pathOption(name: string): string {
    return join(this.#directory, name).replaceAll(',', ',,');
  }

  /** Takes the names away. QEMU and this process keep what they have open. */
  unlink(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  write(file: number, offset: number, bytes: Buffer): void {
    const written = writeSync(this.#open(file), bytes, 0, bytes.length, offset);
    if (written !== bytes.length) throw new Error(`only ${written} of ${bytes.length} bytes fit the guest's memory`);
  }

  read(file: number, offset: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    const count = readSync(this.#open(file), bytes, 0, length, offset);
    if (count !== length) throw new Error(`only ${count} of ${length} bytes came from the guest's memory`);
    return bytes;
  }

  [Symbol.dispose](): void {
    this.unlink();
    for (const file of this.#files.splice(0)) closeSync(file);
  }

  #add(name: string): void {
    const file = openSync(join(this.#directory, name), 'wx+', 0o600);
    this.#files.push(file);
    ftruncateSync(file, RAM_BYTES);
  }

  #open(file: number): number {
    const open = this.#files[file];
    if (open === undefined) throw new RangeError(`the guest has no memory ${file}`);
    return open;
  }
}

/** A file system in memory, where there is one: the guest's memory need not go to a disk. */
function memoryDirectory(): string {
  return statSync('/dev/shm', { throwIfNoEntry: false })?.isDirectory() ? '/dev/shm' : tmpdir();
}
