import { LinuxDataError } from '../errors.ts';
import type { SymbolTable } from '../symbols/symbol-table.ts';
import { Btf } from '../types/btf.ts';
import { findKallsyms, type Kallsyms } from './kallsyms.ts';
import type { KernelImage } from './kernel-image.ts';
import { type BuildId, bytesBetween, findBanner, findBuildId } from './notes.ts';

/** Names of one kernel at one place: they stay true until the guest boots another. @internal */
export interface KernelNames {
  readonly wordBytes: 4 | 8;
  /** The first byte of its text. */
  readonly textFirst: bigint;
  /** Null where guest memory has none that can be read. */
  readonly symbols: SymbolTable | null;
  /** What its symbol table looks like; null where it comes from elsewhere. */
  readonly layout: Pick<Kallsyms, 'form' | 'order'> | null;
  readonly btf: Btf | null;
  readonly banner: string | null;
  readonly buildId: BuildId | null;
  /** What is lacking, and what that costs, in sentences. */
  readonly missing: readonly string[];
}

/** Makes names of what was read. Nothing is asked of the guest. @internal */
export function readKernelNames(image: KernelImage): KernelNames {
  const missing: string[] = [];
  const note = (error: unknown): null => {
    if (!(error instanceof LinuxDataError)) throw error;
    missing.push(error.message);
    return null;
  };
  const kallsyms = orNull(() => findKallsyms(image), note);
  const symbols = kallsyms?.symbols ?? null;
  if (symbols === null && missing.length === 0) missing.push(NO_KALLSYMS);
  const btf = symbols === null ? null : orNull(() => findBtf(image, symbols, missing), note);
  return {
    wordBytes: image.wordBytes,
    textFirst: image.textFirst,
    symbols,
    layout: kallsyms,
    btf,
    banner: findBanner(image),
    buildId: findBuildId(image, symbols),
    missing,
  };
}

/** Structures that questions about processes, their areas and modules ask for. */
const ASKED_STRUCTURES = [
  ...['task_struct', 'mm_struct', 'signal_struct', 'pid_namespace', 'pid', 'xa_node', 'cpuinfo_x86'],
  ...['vm_area_struct', 'file', 'dentry', 'vfsmount', 'mount', 'vm_special_mapping', 'maple_node'],
  ...['module', 'mod_kallsyms'],
];

/** Makes the indexes that questions will use, which takes longer than the questions: a guest need not wait for it. @internal */
export function prepareNames({ symbols, btf, textFirst }: KernelNames): void {
  symbols?.addressOf('init_task');
  symbols?.nearest(textFirst);
  for (const name of ASKED_STRUCTURES) {
    const type = btf?.structure(name);
    if (type !== undefined) btf?.membersOf(type);
  }
}

const NO_KALLSYMS =
  'the kernel has no symbol table in memory (built without CONFIG_KALLSYMS): no symbols and no processes; give its symbols with --symbols FILE';
const NO_DATA_SYMBOLS =
  "the kernel's symbol table has functions alone (built without CONFIG_KALLSYMS_ALL): no symbols of data and no processes";
const NO_BTF =
  'the kernel carries no type information (built without CONFIG_DEBUG_INFO_BTF): where members of its structures are is not known, so there are no processes and no modules';

function findBtf(image: KernelImage, symbols: SymbolTable, missing: string[]): Btf | null {
  const first = symbols.addressOf('__start_BTF');
  const end = symbols.addressOf('__stop_BTF');
  if (first === undefined || end === undefined) {
    missing.push(symbols.addressOf('init_task') === undefined ? NO_DATA_SYMBOLS : NO_BTF);
    return null;
  }
  const bytes = bytesBetween(image.readOnly, first, end);
  if (bytes === null || bytes.length === 0) {
    missing.push(NO_BTF);
    return null;
  }
  return new Btf(bytes);
}

function orNull<T>(find: () => T | null, note: (error: unknown) => null): T | null {
  try {
    return find();
  } catch (error) {
    return note(error);
  }
}
