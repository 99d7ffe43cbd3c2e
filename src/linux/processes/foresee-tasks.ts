import type { KernelNames } from '../kernel/kernel-names.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import { u64 } from '../memory/little-endian.ts';
import type { Btf } from '../types/btf.ts';

/** More than a list of processes that is read at once has. */
const MOST_FORESEEN = 65_536;
/** A tree of 64 slots a node that holds all pids has four levels. */
const MOST_LEVELS = 6;
/** Internal entries of an XArray: 2 in bits 1:0, and above 4096 a node (include/linux/xarray.h). */
const INTERNAL = 2n;
const LOWEST_NODE = 4096n;
const WORD_BYTES = 8;

interface Layout {
  readonly head: number;
  readonly slots: number;
  readonly slotCount: number;
  readonly ofPid: number;
  readonly link: number;
}

/**
 * Where tasks probably are, by the tree of pids, in a few flights: a list is read task by task, and this is to have its pages read
 * beforehand. Whatever it says, the list decides what there is.
 *
 * @returns their addresses; none for a kernel whose structures are not as expected
 * @internal
 */
export async function foreseeTasks(
  { btf, symbols, wordBytes }: KernelNames,
  space: AddressSpace,
): Promise<readonly bigint[]> {
  const namespace = symbols?.addressOf('init_pid_ns');
  const layout = btf === null || wordBytes !== WORD_BYTES ? null : layoutOf(btf);
  if (namespace === undefined || layout === null) return [];
  const head = await space.read(namespace + BigInt(layout.head), WORD_BYTES);
  const pids = head === null ? [] : await leavesOf(u64(head, 0), layout, space);
  // `struct pid`: its first task, by the link in that.
  const links = await space.readMany(
    pids.map((pid) => ({ address: pid + BigInt(layout.ofPid), lengthBytes: WORD_BYTES })),
  );
  const tasks = links.flatMap((bytes) => {
    const link = bytes === null ? 0n : u64(bytes, 0);
    return link === 0n ? [] : [link - BigInt(layout.link)];
  });
  return [...new Set(tasks)];
}

function layoutOf(btf: Btf): Layout | null {
  const at = (structure: string, path: string): number | undefined => btf.findMember(structure, path)?.offsetBytes;
  const slots = btf.findMember('xa_node', 'slots');
  const head = at('pid_namespace', 'idr.idr_rt.xa_head');
  const ofPid = at('pid', 'tasks');
  const link = at('task_struct', 'pid_links');
  if (slots === undefined || head === undefined || ofPid === undefined || link === undefined) return null;
  return { head, slots: slots.offsetBytes, slotCount: Math.min(64, btf.elementOf(slots.type).count), ofPid, link };
}

async function leavesOf(root: bigint, { slots, slotCount }: Layout, space: AddressSpace): Promise<readonly bigint[]> {
  const leaves = new Set<bigint>();
  const seen = new Set<bigint>();
  let entries = [root];
  for (let level = 0; level < MOST_LEVELS && entries.length > 0; level += 1) {
    const nodes: bigint[] = [];
    for (const entry of entries) {
      // A damaged tree leads to the same time and again.
      if (entry === 0n || seen.has(entry)) continue;
      seen.add(entry);
      if ((entry & 3n) !== INTERNAL) leaves.add(entry);
      else if (entry > LOWEST_NODE) nodes.push(entry - INTERNAL);
    }
    if (leaves.size + nodes.length * slotCount > MOST_FORESEEN) break;
    const read = await space.readMany(
      nodes.map((node) => ({ address: node + BigInt(slots), lengthBytes: WORD_BYTES * slotCount })),
    );
    entries = read.flatMap((bytes) =>
      bytes === null ? [] : Array.from({ length: slotCount }, (_, slot) => u64(bytes, WORD_BYTES * slot)),
    );
  }
  return [...leaves].slice(0, MOST_FORESEEN);
}
