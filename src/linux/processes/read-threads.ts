import type { KernelNames } from '../kernel/kernel-names.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import {
  decodeTask,
  type FoundTask,
  type LinuxTask,
  MOST_TASKS,
  type TaskList,
  taskLayout,
  withRoots,
} from './read-tasks.ts';

const UNKNOWN = 'this kernel keeps the threads of processes in a way that is not known';

/** So many tasks are held as bytes, 64 MiB where they are as large as foreign type information may have them. */
const MOST_AT_ONCE = 1024;

/** The threads of one process, which hang together from its `signal_struct` on. */
interface Chain {
  readonly leader: LinuxTask;
  readonly head: bigint;
  readonly nodes: bigint[];
  at: bigint;
}

/**
 * All threads of processes, each process before its other threads. All lists are followed together, a thread of each at a time.
 *
 * @param list - the processes
 * @internal
 */
export async function readThreads(list: TaskList, names: KernelNames, space: AddressSpace): Promise<TaskList> {
  const { btf, wordBytes } = names;
  const signal = btf?.findMember('task_struct', 'signal')?.offsetBytes;
  const node = btf?.findMember('task_struct', 'thread_node')?.offsetBytes;
  const head = btf?.findMember('signal_struct', 'thread_head')?.offsetBytes;
  if (btf === null || signal === undefined || node === undefined || head === undefined)
    return { tasks: list.tasks, problem: list.problem ?? UNKNOWN };
  const signals = await space.readWords(
    list.tasks.map(({ address }) => address),
    [signal],
    wordBytes,
  );
  const chains = list.tasks.flatMap((leader, at): Chain[] => {
    const [own = 0n] = signals[at] ?? [];
    const first = own + BigInt(head);
    return own === 0n ? [] : [{ leader, head: first, at: first, nodes: [] }];
  });
  let problem = await follow(chains, space, wordBytes);
  const layout = taskLayout(btf, wordBytes);
  const { lengthBytes } = layout;
  const members = chains.flatMap(({ leader, nodes }) =>
    nodes
      .map((at) => ({ leader, address: at - BigInt(node), lengthBytes }))
      .filter(({ address }) => address !== leader.address),
  );
  const others: FoundTask[] = [];
  const leaders: LinuxTask[] = [];
  for (let from = 0; from < members.length; from += MOST_AT_ONCE) {
    const some = members.slice(from, from + MOST_AT_ONCE);
    const read = await space.readMany(some);
    for (const [at, { leader, address }] of some.entries()) {
      const bytes = read[at] ?? null;
      if (bytes === null) problem ??= describeDamage(leader);
      else {
        others.push(decodeTask(bytes, address, layout, wordBytes));
        leaders.push(leader);
      }
    }
  }
  const threads = new Map<LinuxTask, LinuxTask[]>(list.tasks.map((leader) => [leader, []]));
  for (const [at, thread] of (await withRoots(others, names, btf, space)).entries()) {
    const leader = leaders[at];
    if (leader !== undefined) threads.get(leader)?.push(thread);
  }
  return {
    tasks: list.tasks.flatMap((leader) => [leader, ...(threads.get(leader) ?? [])]),
    problem: list.problem ?? problem,
  };
}

/** @returns why not all are known; null where they are */
async function follow(chains: readonly Chain[], space: AddressSpace, wordBytes: 4 | 8): Promise<string | null> {
  const seen = new Set<bigint>();
  let problem: string | null = null;
  for (let open = chains; open.length > 0; ) {
    const read = await space.readWords(
      open.map(({ at }) => at),
      [0],
      wordBytes,
    );
    open = open.filter((chain, index) => {
      const [next] = read[index] ?? [];
      if (next === chain.head) return false;
      if (next === undefined || seen.has(next) || seen.size === MOST_TASKS) {
        problem ??= describeDamage(chain.leader);
        return false;
      }
      seen.add(next);
      chain.nodes.push(next);
      chain.at = next;
      return true;
    });
  }
  return problem;
}

function describeDamage({ pid, comm }: LinuxTask): string {
  return `the list of threads of process ${pid} ${comm} is damaged`;
}
