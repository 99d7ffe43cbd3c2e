import { readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

/** The build id, where it lies, and where the text begins: what is compared is known without opening a file. */
const FILE_NAME = /^kernel-([0-9a-f]{2,128})-([0-9a-f]{16})-([0-9a-f]{16})\.names$/;

/** A file with the names of a kernel, by its name. @internal */
export interface KernelFile {
  readonly path: string;
  /** Of the build, in hexadecimal digits, and where it lies in the guest. */
  readonly id: string;
  readonly address: bigint;
  readonly textFirst: bigint;
}

/** Where they are. @internal */
export function kernelFolder({ XDG_CACHE_HOME: cache = '' }: Environment): string {
  // A relative path there is to be ignored (XDG Base Directory Specification).
  return join(isAbsolute(cache) ? cache : join(homedir(), '.cache'), 'pagewalk', 'kernels');
}

/** Those that there are now; none where the folder cannot be read. @internal */
export function readKernelFolder(folder: string): readonly KernelFile[] {
  return filesOf(folder).flatMap((name) => {
    const [, id, address, text] = FILE_NAME.exec(name) ?? [];
    if (id === undefined) return [];
    return [{ path: join(folder, name), id, address: BigInt(`0x${address}`), textFirst: BigInt(`0x${text}`) }];
  });
}

function filesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

const LISTED = new WeakMap<Environment, readonly KernelFile[]>();

/**
 * Those that there were when this was first asked: before the guest is paused, as a folder may be on a disk that does not answer.
 *
 * @internal
 */
export function listKernels(environment: Environment): readonly KernelFile[] {
  const known = LISTED.get(environment);
  if (known !== undefined) return known;
  const files = readKernelFolder(kernelFolder(environment));
  LISTED.set(environment, files);
  return files;
}
