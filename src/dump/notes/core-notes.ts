import { DumpFormatError } from '../errors.ts';
import { Fields, latin1 } from '../file/fields.ts';
import { decodeQemuCpuNote, type QemuCpuNote } from './qemu-cpu-note.ts';
import { readNotes } from './read-notes.ts';

/** One vCPU of the notes. @internal */
export interface NotedCpu {
  readonly cpu: number;
  readonly note: QemuCpuNote;
  /** Whether it is in long mode, where the notes tell; they do of the first vCPU alone. */
  readonly longMode: boolean | undefined;
}

/** What the notes of a dump say. @internal */
export interface CoreNotes {
  readonly cpus: readonly NotedCpu[];
  /** The kernel's own description of itself, which the guest gave to QEMU. */
  readonly vmcoreinfo: string | null;
}

/** @internal */
export const NO_NOTES: CoreNotes = { cpus: [], vmcoreinfo: null };

/** More than any machine of QEMU's has. */
const MOST_CPUS = 8192;
const PRSTATUS = 1;
/** Sizes of a prstatus, and where its process id is, which QEMU makes the vCPU's number plus one. */
const WIDE = { lengthBytes: 336, pidAt: 32 };
const NARROW = { lengthBytes: 144, pidAt: 24 };

interface Prstatus {
  readonly cpu: number;
  readonly isWide: boolean;
}

/**
 * Takes what is needed out of the notes of a core file or of a kdump-compressed one.
 *
 * @throws DumpFormatError `ERR_DUMP_FORMAT`.
 * @internal
 */
export function decodeCoreNotes(bytes: Uint8Array, file: string): CoreNotes {
  const cpus: QemuCpuNote[] = [];
  const statuses: Prstatus[] = [];
  let vmcoreinfo: string | null = null;
  for (const { name, type, description } of readNotes(bytes, file)) {
    if (name === 'QEMU' && type === 0) cpus.push(decodeQemuCpuNote(description, file));
    if (name === 'CORE' && type === PRSTATUS) statuses.push(decodePrstatus(description));
    if (name === 'VMCOREINFO') vmcoreinfo = latin1(description);
    if (cpus.length > MOST_CPUS || statuses.length > MOST_CPUS) {
      throw new DumpFormatError(file, `it has notes about more than ${MOST_CPUS} vCPUs`);
    }
  }
  const numbers = numbersOf(statuses, cpus.length);
  // QEMU writes all of them as wide as its first vCPU's mode (x86_cpu_write_elf64_note).
  const [first] = statuses;
  return {
    cpus: cpus.map((note, at) => ({
      cpu: numbers[at] ?? at,
      note,
      longMode: at === 0 && statuses.length === cpus.length ? first?.isWide : undefined,
    })),
    vmcoreinfo,
  };
}

function decodePrstatus(description: Uint8Array): Prstatus {
  const isWide = description.length >= WIDE.lengthBytes;
  const { lengthBytes, pidAt } = isWide ? WIDE : NARROW;
  return { cpu: description.length < lengthBytes ? -1 : new Fields(description).u32(pidAt) - 1, isWide };
}

/** After a hot-plug vCPUs may have gaps. Numbers that cannot be right are not used. */
function numbersOf(statuses: readonly Prstatus[], count: number): readonly number[] {
  const isOrdered = statuses.every(({ cpu }, at) => cpu > (statuses[at - 1]?.cpu ?? -1) && cpu < 2 ** 31);
  if (statuses.length === count && isOrdered) return statuses.map(({ cpu }) => cpu);
  return Array.from({ length: count }, (_, at) => at);
}
