import type { GuestView, OpenGuest } from '../../../guest/index.ts';
import type { Linux, SymbolTable } from '../../../linux/index.ts';
import type { KernelNames } from '../../../linux/internal.ts';
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
 * Names of the Linux in a guest. Where they are not known yet the guest runs on while they are made of what was read, and is
 * paused again for the question itself.
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
  const again = async (): Promise<GuestView> => (live ? view : guest.look());
  const runOn = async (): Promise<void> => {
    if (!live) await guest.running?.resume();
  };
  if (symbolsFile !== undefined) {
    await runOn();
    const { readSymbolsFile } = await import('../../io/symbols-file.ts');
    const tables = readSymbolsFile(symbolsFile);
    return lookByFile(await again(), cpu, tables, symbolsFile);
  }
  const { Linux, readKernelNames } = await import('../../../linux/internal.ts');
  const known = new KernelFiles(context.environment);
  const found = await view.lookForLinux(known, cpu);
  if ('names' in found.kernel) return { view, linux: new Linux(found.kernel.names, found.space) };
  await runOn();
  const names = readKernelNames(found.kernel.image);
  known.keep(names);
  if (live) return { view, linux: new Linux(names, found.space) };
  const later = await again();
  return { view: later, linux: await sameLinux(later, cpu, names) };
}

/** The kernel that has these names, found anew: its address space belongs to the pause in which it was found. */
async function sameLinux(view: GuestView, cpu: number, names: KernelNames): Promise<Linux> {
  const { KernelMemo, Linux, readKernelNames } = await import('../../../linux/internal.ts');
  const memo = new KernelMemo();
  memo.keep(names);
  const { kernel, space } = await view.lookForLinux(memo, cpu);
  return new Linux('names' in kernel ? kernel.names : readKernelNames(kernel.image), space);
}

/** Of a guest without a Linux, such as a test kernel, a file's symbols are where the file has them. */
async function lookByFile(
  view: GuestView,
  cpu: number,
  tables: readonly SymbolTable[],
  file: string,
): Promise<LookAtLinux> {
  const { KernelMemo, Linux, LinuxDataError, readKernelNames, slideTo } = await import('../../../linux/internal.ts');
  const found = await view.lookForLinux(new KernelMemo(), cpu).catch((error: unknown) => {
    if (error instanceof LinuxDataError) return error;
    throw error;
  });
  if (found instanceof LinuxDataError) {
    const [symbols = null] = tables;
    const bare = { symbols, layout: null, btf: null, banner: null, buildId: null, textFirst: 0n };
    const space = await view.addressSpace(cpu);
    const wordBytes = space.context.linearBits === 32 ? 4 : 8;
    return { view, linux: new Linux({ ...bare, wordBytes, missing: [found.message] }, space, tables) };
  }
  const own = 'names' in found.kernel ? found.kernel.names : readKernelNames(found.kernel.image);
  const moved = slideTo(tables, own.textFirst, file);
  // What the kernel itself lacks, the file may have.
  const names = own.symbols === null ? { ...own, symbols: moved[0] ?? null } : own;
  return { view, linux: new Linux(names, found.space, moved) };
}
