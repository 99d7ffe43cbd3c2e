import type { GuestView, OpenGuest } from '../../../guest/index.ts';
import type { Linux, SymbolTable } from '../../../linux/index.ts';
import type { AddressSpace, KernelNames, KnownKernels } from '../../../linux/internal.ts';
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

/** A guest that boots again and again while it is looked at is taken as it is in the end. */
const MOST_LOOKS = 4;

/** Names of kernels that a guest was seen to run: what is looked at time and again is paused once each time. */
const MEMOS = new WeakMap<OpenGuest, KnownKernels>();

/**
 * Names of the Linux in a guest. Where they are not at hand, or a file has symbols, the guest runs on while they are read from
 * where they are kept, or made of what was read, and is paused again for the question itself.
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
  const { KernelMemo, Linux, LinuxDataError, prepareNames } = await import('../../../linux/internal.ts');
  const { namesOf } = await import('../../../guest/internal.ts');
  const memo = MEMOS.get(guest) ?? new KernelMemo();
  MEMOS.set(guest, memo);
  const kept = new KernelFiles(context.environment);
  let known: KnownKernels = {
    at: (textFirst) => [...memo.at(textFirst), ...kept.at(textFirst)],
    keep: (names) => kept.keep(names),
  };
  let file: SymbolsFile | undefined;
  let later = view;
  let isLast = false;
  for (let looks = 1; ; looks += 1) {
    const found = await later.lookForLinux(known, cpu).catch((error: unknown) => {
      if (symbolsFile !== undefined && error instanceof LinuxDataError) return error;
      throw error;
    });
    isLast ||= looks === MOST_LOOKS;
    const hasFile = symbolsFile === undefined || file !== undefined;
    if (found instanceof LinuxDataError) {
      if (file !== undefined)
        return { view: later, linux: await withoutKernel(later, cpu, file.tables, found.message) };
    } else if (hasFile && (isLast || 'names' in found.kernel)) {
      const names = namesOf(found, kept);
      if (names === null) throw new LinuxDataError('Linux', 'the names that were kept of it are gone');
      const linux = file === undefined ? new Linux(names, found.space) : await withFile(names, found.space, file);
      return { view: later, linux };
    }
    if (!live) await guest.running?.resume();
    if (symbolsFile !== undefined) file ??= await readFile(symbolsFile);
    if (!(found instanceof LinuxDataError)) {
      const names = namesOf(found, kept);
      // A file that is damaged is not asked for again.
      known = memo;
      if (names !== null) {
        prepareNames(names);
        memo.keep(names);
        // What has no build id cannot be told again.
        isLast = names.buildId === null;
      }
    }
    // An address space belongs to the pause in which it was found.
    later = live ? view : await guest.look();
  }
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
