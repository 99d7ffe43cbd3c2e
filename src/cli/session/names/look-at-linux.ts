import type { GuestView, OpenGuest } from '../../../guest/index.ts';
import type { Linux, SymbolTable } from '../../../linux/index.ts';
import type { AddressSpace, KernelNames } from '../../../linux/internal.ts';
import type { CliContext } from '../../options/command.ts';
import { KernelFiles } from './kernel-files.ts';

/** A guest that is looked at, and the Linux in it. @internal */
export interface LookAtLinux {
  /** Good from now on; one that was looked at before is not any more. */
  readonly view: GuestView;
  readonly linux: Linux;
}

/** Whose tables lead to a kernel, and how it is looked for. @internal */
export interface LinuxQuestion {
  readonly cpu: number;
  readonly live: boolean;
  /** Where symbols are taken from instead of guest memory. */
  readonly symbolsFile?: string | undefined;
}

/**
 * Names of the Linux in a guest. Where they are not known yet, or a file has symbols, the guest runs on while they are made of what
 * was read, and is paused again for the question itself.
 *
 * @throws LinuxDataError `ERR_LINUX_DATA` where there is no Linux, unless a file has the symbols; InputFileError for that file.
 * @internal
 */
export async function lookAtLinux(
  view: GuestView,
  guest: OpenGuest,
  { cpu, live, symbolsFile }: LinuxQuestion,
  context: Pick<CliContext, 'environment'>,
): Promise<LookAtLinux> {
  const { KernelMemo, Linux, LinuxDataError } = await import('../../../linux/internal.ts');
  const { namesOf } = await import('../../../guest/internal.ts');
  const known = new KernelFiles(context.environment);
  const found = await view.lookForLinux(known, cpu).catch((error: unknown) => {
    if (symbolsFile !== undefined && error instanceof LinuxDataError) return error;
    throw error;
  });
  const isReady = symbolsFile === undefined && !(found instanceof LinuxDataError) && 'names' in found.kernel;
  if (isReady) return { view, linux: new Linux(namesOf(found, known), found.space) };
  if (!live) await guest.running?.resume();
  const file = symbolsFile === undefined ? undefined : await readFile(symbolsFile);
  const names = found instanceof LinuxDataError ? found : namesOf(found, known);
  const later = live ? view : await guest.look();
  if (names instanceof LinuxDataError) {
    return { view: later, linux: await withoutKernel(later, cpu, file?.tables ?? [], names.message) };
  }
  // The address space belongs to the pause in which it was found.
  const memo = new KernelMemo();
  memo.keep(names);
  const again = await later.lookForLinux(memo, cpu);
  const own = namesOf(again, memo);
  const linux = file === undefined ? new Linux(own, again.space) : await withFile(own, again.space, file);
  return { view: later, linux };
}

interface SymbolsFile {
  readonly name: string;
  readonly tables: readonly SymbolTable[];
}

async function readFile(name: string): Promise<SymbolsFile> {
  const { readSymbolsFile } = await import('../../io/symbols-file.ts');
  return { name, tables: readSymbolsFile(name) };
}

/** Of a guest without a Linux, such as a test kernel, a file's symbols are where the file has them. */
async function withoutKernel(
  view: GuestView,
  cpu: number,
  tables: readonly SymbolTable[],
  problem: string,
): Promise<Linux> {
  const { Linux } = await import('../../../linux/internal.ts');
  const [symbols = null] = tables;
  const space = await view.addressSpace(cpu);
  const wordBytes = space.context.linearBits === 32 ? 4 : 8;
  const bare = { symbols, layout: null, btf: null, banner: null, buildId: null, textFirst: 0n };
  return new Linux({ ...bare, wordBytes, missing: [problem] }, space, { fromFile: tables });
}

async function withFile(own: KernelNames, space: AddressSpace, { name, tables }: SymbolsFile): Promise<Linux> {
  const { Linux, slideTo } = await import('../../../linux/internal.ts');
  const moved = slideTo(tables, own.textFirst, name);
  // What the kernel itself lacks, the file may have.
  return new Linux(own.symbols === null ? { ...own, symbols: moved[0] ?? null } : own, space, { fromFile: moved });
}
