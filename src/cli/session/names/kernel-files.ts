import { mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomDigits } from '../../../../protocols/transport/internal.ts';
import {
  decodeKernelNames,
  encodeKernelNames,
  type KernelNames,
  type KnownKernel,
  type KnownKernels,
  LinuxError,
  prepareNames,
} from '../../../linux/internal.ts';
import { formatHex } from '../../../paging/index.ts';
import { type KernelFile, kernelFolder, listKernels, readKernelFolder } from './kernel-folder.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Of one kernel some ten megabytes. */
const MOST_FILES = 8;
const MOST_BYTES = 128 << 20;

interface NamesAtHand {
  readonly path: string;
  readonly names: KernelNames;
}

const AT_HAND = new WeakMap<Environment, NamesAtHand>();

/**
 * Has those names at hand that were used last, for the next question is mostly to the same guest: it needs one pause then, not two.
 * For the time before a pause, as it takes a file.
 *
 * @returns null where none are kept
 * @internal
 */
export function readLatestNames(environment: Environment): KernelNames | null {
  const known = AT_HAND.get(environment);
  if (known !== undefined) return known.names;
  const usedMs = new Map(listKernels(environment).map((file) => [file, usedAtMs(file)]));
  const [latest] = [...usedMs.keys()].sort((one, other) => (usedMs.get(other) ?? 0) - (usedMs.get(one) ?? 0));
  const names = latest === undefined ? null : loadNames(latest);
  if (latest === undefined || names === null) return null;
  prepareNames(names);
  AT_HAND.set(environment, { path: latest.path, names });
  return names;
}

function usedAtMs({ path }: KernelFile): number {
  try {
    return statSync(path).mtimeMs;
  } catch (error) {
    if (isFileError(error)) return 0;
    throw error;
  }
}

/**
 * Names of kernels in the user's cache folder. A file has been made of what a guest said, and is believed no more than the guest:
 * it is checked when it is read back. A cache that cannot be read or written is none.
 *
 * @internal
 */
export class KernelFiles implements KnownKernels {
  readonly #folder: string;
  readonly #files: readonly KernelFile[];
  readonly #atHand: NamesAtHand | undefined;

  constructor(environment: Environment) {
    this.#folder = kernelFolder(environment);
    this.#files = listKernels(environment);
    this.#atHand = AT_HAND.get(environment);
  }

  at(textFirst: bigint): readonly KnownKernel[] {
    const here = this.#files.filter((file) => file.textFirst === textFirst);
    return here.map((file) => {
      const { id, address } = file;
      const buildId = { id, address, lengthBytes: id.length / 2 };
      const names = this.#atHand?.path === file.path ? this.#atHand.names : null;
      return { textFirst, buildId, names, load: () => names ?? loadNames(file) };
    });
  }

  keep(names: KernelNames): void {
    const file = encodeKernelNames(names);
    const { buildId, textFirst } = names;
    if (file === null || buildId === null || file.length > MOST_BYTES) return;
    const digits = (address: bigint): string => formatHex(address, 16).slice(2);
    const name = `kernel-${buildId.id}-${digits(buildId.address)}-${digits(textFirst)}.names`;
    const draft = join(this.#folder, `${randomDigits()}.new`);
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

  #forgetOldest(): void {
    try {
      const files = readKernelFolder(this.#folder)
        .map(({ path }) => ({ path, usedMs: statSync(path).mtimeMs }))
        .sort((one, other) => other.usedMs - one.usedMs);
      for (const { path } of files.slice(MOST_FILES)) rmSync(path, { force: true });
    } catch (error) {
      if (!isFileError(error)) throw error;
    }
  }
}

/** @returns null for a file that is gone, damaged, or another kernel's */
function loadNames({ path, id, textFirst }: KernelFile): KernelNames | null {
  try {
    if (statSync(path).size > MOST_BYTES) return null;
    const { buffer, byteOffset, length } = readFileSync(path);
    const bytes = new Uint8Array(buffer, byteOffset, length);
    const names = decodeKernelNames(byteOffset % 8 === 0 ? bytes : bytes.slice());
    if (names.buildId?.id !== id || names.textFirst !== textFirst) return null;
    noteUse(path);
    return names;
  } catch (error) {
    if (error instanceof LinuxError || isFileError(error)) return null;
    throw error;
  }
}

/** A folder of another user, or on a disk that is full: which names were used last is not known then, and the oldest go. */
function noteUse(path: string): void {
  const now = new Date();
  try {
    utimesSync(path, now, now);
  } catch (error) {
    if (!isFileError(error)) throw error;
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
