import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import {
  decodeKernelNames,
  encodeKernelNames,
  type KernelNames,
  type KnownKernel,
  type KnownKernels,
  LinuxError,
} from '../../../linux/internal.ts';
import { formatHex } from '../../../paging/index.ts';

/** The build id, where it lies, and where the text begins: what is compared is known without opening a file. */
const FILE_NAME = /^kernel-([0-9a-f]{2,128})-([0-9a-f]{16})-([0-9a-f]{16})\.names$/;
/** Of one kernel some ten megabytes. */
const MOST_FILES = 8;
const MOST_BYTES = 128 << 20;

/**
 * Names of kernels in the user's cache folder. A file has been made of what a guest said, and is believed no more than the guest:
 * it is checked when it is read back. A cache that cannot be read or written is none.
 *
 * @internal
 */
export class KernelFiles implements KnownKernels {
  readonly #folder: string;

  constructor(environment: Readonly<Record<string, string | undefined>>) {
    const { XDG_CACHE_HOME: cache = '' } = environment;
    // A relative path there is to be ignored (XDG Base Directory Specification).
    this.#folder = join(isAbsolute(cache) ? cache : join(homedir(), '.cache'), 'pagewalk', 'kernels');
  }

  at(textFirst: bigint): readonly KnownKernel[] {
    return this.#list().flatMap((file) => {
      const [, id = '', address = '', text = ''] = FILE_NAME.exec(file) ?? [];
      if (id === '' || BigInt(`0x${text}`) !== textFirst) return [];
      const buildId = { id, address: BigInt(`0x${address}`), lengthBytes: id.length / 2 };
      return [{ textFirst, buildId, load: () => this.#load(join(this.#folder, file), id, textFirst) }];
    });
  }

  keep(names: KernelNames): void {
    const file = encodeKernelNames(names);
    const { buildId, textFirst } = names;
    if (file === null || buildId === null || file.length > MOST_BYTES) return;
    const digits = (address: bigint): string => formatHex(address, 16).slice(2);
    const name = `kernel-${buildId.id}-${digits(buildId.address)}-${digits(textFirst)}.names`;
    const draft = join(this.#folder, `${randomUUID()}.new`);
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      writeFileSync(draft, file, { flag: 'wx', mode: 0o600 });
      renameSync(draft, join(this.#folder, name));
    } catch (error) {
      if (!isFileError(error)) throw error;
      discard(draft);
      return;
    }
    this.#forgetOldest();
  }

  #list(): readonly string[] {
    try {
      return readdirSync(this.#folder);
    } catch {
      return [];
    }
  }

  #load(path: string, id: string, textFirst: bigint): KernelNames | null {
    try {
      if (statSync(path).size > MOST_BYTES) return null;
      const { buffer, byteOffset, length } = readFileSync(path);
      const bytes = new Uint8Array(buffer, byteOffset, length);
      const names = decodeKernelNames(byteOffset % 8 === 0 ? bytes : bytes.slice());
      return names.buildId?.id === id && names.textFirst === textFirst ? names : null;
    } catch (error) {
      if (error instanceof LinuxError || isFileError(error)) return null;
      throw error;
    }
  }

  #forgetOldest(): void {
    try {
      const files = this.#list()
        .filter((file) => FILE_NAME.test(file))
        .map((file) => ({ file, writtenMs: statSync(join(this.#folder, file)).mtimeMs }))
        .sort((one, other) => other.writtenMs - one.writtenMs);
      for (const { file } of files.slice(MOST_FILES)) rmSync(join(this.#folder, file), { force: true });
    } catch (error) {
      if (!isFileError(error)) throw error;
    }
  }
}

/** What is half written; where the folder cannot be made there is none. */
function discard(draft: string): void {
  try {
    rmSync(draft, { force: true });
  } catch (error) {
    if (!isFileError(error)) throw error;
  }
}

function isFileError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}
