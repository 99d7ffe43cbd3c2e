import { formatHex } from '../../paging/index.ts';
import { LinuxDataError } from '../errors.ts';
import type { KernelNames } from '../kernel/kernel-names.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import { decodeName } from '../memory/latin-text.ts';
import { s32, u32, word } from '../memory/little-endian.ts';
import type { Btf } from '../types/btf.ts';
import { foreseeTasks } from './foresee-tasks.ts';
import { taskStateLetter } from './task-state.ts';

/** A process, or a thread of the kernel. @public */
export interface LinuxTask {
  readonly pid: number;
  /** The process that the thread belongs to: its own pid for a process. */
  readonly tgid: number;
  /** As it calls itself, at most 15 characters. */
  readonly comm: string;
  /** One letter, as /proc/PID/stat has it. */
  readonly state: string;
  /** Its `task_struct`. */
  readonly address: bigint;
  /** Its `mm_struct`; null for a thread of the kernel. */
  readonly mm: bigint | null;
  /** The root of its tables, as the kernel uses them; null where it has none of its own. */
  readonly cr3: bigint | null;
  /** The root that is in use while it is in user mode, where page-table isolation (PTI) is on; else null. */
  readonly userCr3: bigint | null;
  /**
   * Pages that are in memory, by the kernel's counters; null where that is not known. Since Linux 6.2 some pages for each CPU are
   * not in these yet.
   */
  readonly residentPages: number | null;
}

/** What came of going through the list of tasks. @internal */
export interface TaskList {
  readonly tasks: readonly LinuxTask[];
  /** Why it is not whole; null where it is. */
  readonly problem: string | null;
}

/** A `task_struct` has some ten kilobytes, and some more in a kernel that is built for debugging. */
const MOST_TASK_BYTES = 65_536;
/** An `mm_struct` has one or two kilobytes, and a mask of CPUs behind them. */
const MOST_MM_BYTES = 65_536;
/** PID_MAX_LIMIT; a list that is longer runs in a circle. @internal */
export const MOST_TASKS = 4_194_304;
const COMM_BYTES = 16;
/** X86_FEATURE_PTI: word 7, bit 11. */
const PTI_WORD = 7;
const PTI_BIT = 11;
/** Page-table isolation keeps the root of the user half in the page behind the other. */
const USER_ROOT = 0x1000n;
/** Kinds of pages that are resident: those of files, anonymous ones, shared memory; not swap entries (MM_SWAPENTS). */
const RESIDENT_COUNTERS = [0, 1, 3];

/** Where members of a task are. @internal */
export interface TaskLayout {
  readonly tasks: number;
  readonly pid: number;
  readonly tgid: number;
  readonly comm: number;
  readonly mm: number;
  readonly state: number;
  readonly exitState: number;
  readonly lengthBytes: number;
}

interface MmLayout {
  readonly pgd: number;
  readonly counters: readonly number[] | null;
}

/**
 * Goes through the list of processes, from `init_task` on: a dozen flights for all, as where they are is foreseen.
 *
 * @throws LinuxDataError `ERR_LINUX_DATA` where the list cannot be begun; LinuxLookupError for a kernel whose structures lack what it takes.
 * @internal
 */
export async function readTasks(names: KernelNames, space: AddressSpace): Promise<TaskList> {
  const { btf, symbols, wordBytes } = names;
  const init = symbols?.addressOf('init_task');
  if (btf === null || init === undefined)
    throw new LinuxDataError(WHAT, names.missing.join('; ') || 'there is no init_task');
  const layout = taskLayout(btf, wordBytes);
  // So that their pages are at hand when the list leads there.
  await space.load((await foreseeTasks(names, space)).map((address) => ({ address, lengthBytes: layout.lengthBytes })));
  const found: FoundTask[] = [];
  const seen = new Set<bigint>();
  let problem: string | null = null;
  for (let at = init; ; ) {
    const bytes = await space.read(at, layout.lengthBytes);
    if (bytes === null) {
      problem = `the list of tasks leads to ${describe(at)}, where no memory is mapped, after ${found.length} of them`;
      break;
    }
    seen.add(at);
    found.push(decodeTask(bytes, at, layout, wordBytes));
    at = word(bytes, layout.tasks, wordBytes) - BigInt(layout.tasks);
    if (at === init) break;
    if (seen.has(at) || found.length === MOST_TASKS) {
      problem = `the list of tasks runs in a circle after ${found.length} of them`;
      break;
    }
  }
  if (found.length === 0) throw new LinuxDataError(WHAT, problem ?? 'it is empty');
  return { tasks: await withRoots(found, names, btf, space), problem };
}

const WHAT = 'the list of tasks';

function describe(address: bigint): string {
  return formatHex(BigInt.asUintN(64, address));
}

/** A task without what is known of its address space. @internal */
export type FoundTask = Omit<LinuxTask, 'cr3' | 'userCr3' | 'residentPages'>;

/** @throws LinuxDataError `ERR_LINUX_DATA` for a task that is larger than any; LinuxLookupError for a kernel that lacks a member. @internal */
export function taskLayout(btf: Btf, wordBytes: 4 | 8): TaskLayout {
  const at = (name: string): number => btf.offsetOf('task_struct', name);
  const layout = {
    tasks: at('tasks'),
    pid: at('pid'),
    tgid: at('tgid'),
    comm: at('comm'),
    mm: at('mm'),
    // Called `state` before 5.14.
    state:
      (btf.findMember('task_struct', '__state') ?? btf.findMember('task_struct', 'state'))?.offsetBytes ?? at('state'),
    exitState: at('exit_state'),
  };
  const lengthBytes = Math.max(...Object.values(layout)) + Math.max(COMM_BYTES, wordBytes);
  if (lengthBytes > MOST_TASK_BYTES)
    throw new LinuxDataError(WHAT, `a task has ${lengthBytes} bytes by the type information, more than in any kernel`);
  return { ...layout, lengthBytes };
}

/** @internal */
export function decodeTask(bytes: Uint8Array, address: bigint, layout: TaskLayout, wordBytes: 4 | 8): FoundTask {
  const mm = word(bytes, layout.mm, wordBytes);
  return {
    pid: s32(bytes, layout.pid),
    tgid: s32(bytes, layout.tgid),
    comm: decodeName(bytes, layout.comm, layout.comm + COMM_BYTES),
    state: taskStateLetter(u32(bytes, layout.state), u32(bytes, layout.exitState)),
    address,
    mm: mm === 0n ? null : mm,
  };
}

/** With what is known of address spaces, for all tasks at once. @internal */
export async function withRoots(
  found: readonly FoundTask[],
  names: KernelNames,
  btf: Btf,
  space: AddressSpace,
): Promise<LinuxTask[]> {
  const { wordBytes } = names;
  const { pgd, counters } = mmLayout(btf);
  const owners = found.flatMap(({ mm }, at) => (mm === null ? [] : [{ mm, at }]));
  const read = await space.readWords(
    owners.map(({ mm }) => mm),
    [pgd, ...(counters ?? [])],
    wordBytes,
  );
  const spaces = new Map(owners.map(({ at }, index) => [at, read[index] ?? null]));
  const isolated = await hasIsolation(names, btf, space);
  const roots = await space.physicalOfMany(found.map((_, at) => spaces.get(at)?.[0] ?? null));
  const tasks: LinuxTask[] = [];
  for (const [at, task] of found.entries()) {
    const root = roots[at] ?? null;
    const cr3 = root === null ? null : BigInt(root);
    const counted = spaces.get(at)?.slice(1) ?? [];
    tasks.push({
      ...task,
      cr3,
      userCr3: cr3 === null || !isolated ? null : cr3 + USER_ROOT,
      residentPages: counted.length === 0 ? null : residentOf(counted, wordBytes),
    });
  }
  return tasks;
}

function mmLayout(btf: Btf): MmLayout {
  const pgd = btf.offsetOf('mm_struct', 'pgd');
  const statistics = btf.findMember('mm_struct', 'rss_stat');
  if (statistics === undefined) return { pgd, counters: null };
  const { type, offsetBytes } = statistics;
  const element = btf.elementOf(type);
  // An array of per-CPU counters since 6.2; a structure with an array of plain ones before.
  const isArray = element.count > 1;
  const count = isArray
    ? btf.membersOf(btf.resolve(element.type)).get('count')
    : btf.membersOf(btf.resolve(type)).get('count');
  if (count === undefined) return { pgd, counters: null };
  const plain = btf.elementOf(count.type);
  const stride = isArray ? btf.sizeOf(element.type) : btf.sizeOf(plain.type);
  const places = RESIDENT_COUNTERS.map((kind) => offsetBytes + count.offsetBytes + kind * stride);
  return { pgd, counters: Math.max(...places) < MOST_MM_BYTES ? places : null };
}

/** Counters of several CPUs may be below zero for a moment. */
function residentOf(counters: readonly bigint[], wordBytes: 4 | 8): number {
  return counters.reduce((sum, counter) => {
    const count = BigInt.asIntN(8 * wordBytes, counter);
    return sum + (count < 0n ? 0 : Number(count));
  }, 0);
}

async function hasIsolation({ symbols }: KernelNames, btf: Btf, space: AddressSpace): Promise<boolean> {
  const data = symbols?.addressOf('boot_cpu_data');
  const capability = btf.findMember('cpuinfo_x86', 'x86_capability');
  if (data === undefined || capability === undefined) return false;
  const bytes = await space.read(data + BigInt(capability.offsetBytes + 4 * PTI_WORD), 4);
  return bytes !== null && ((u32(bytes, 0) >>> PTI_BIT) & 1) === 1;
}
