import type { AddressSpace } from '../memory/address-space.ts';
import { word } from '../memory/little-endian.ts';
import type { Btf } from '../types/btf.ts';

/** What a maple tree holds for some indices. @internal */
export interface MapleEntry {
  readonly first: bigint;
  /** Inclusive. */
  readonly last: bigint;
  readonly value: bigint;
}

/** What came of going through a tree. @internal */
export interface MapleEntries {
  readonly entries: readonly MapleEntry[];
  readonly isWhole: boolean;
}

/** Marks of pointers to nodes (include/linux/maple_tree.h): internal entries above 4096 in the root, types in bits 6:3. */
const NODE_MASK = ~0xffn;
const ROOT_MARK = 2n;
const LOWEST_NODE = 4096n;
const LEAF_TYPE = 1;
const RANGE_TYPE = 2;
const ARANGE_TYPE = 3;
const NODE_BYTES = 256;
/** vm.max_map_count is 65530, and can be set higher; what leads deeper than any tree does runs in a circle. */
const MOST_NODES = 65_536;
const MOST_LEVELS = 32;

interface Slots {
  readonly pivot: number;
  readonly pivots: number;
  readonly slot: number;
  readonly slots: number;
}

interface NodeRange {
  readonly node: bigint;
  readonly first: bigint;
  readonly last: bigint;
}

/**
 * All entries of a maple tree of ranges, a flight for each of its levels.
 *
 * @returns null for a kernel whose type information lacks what it takes
 * @internal
 */
export async function readMapleTree(root: bigint, btf: Btf, space: AddressSpace): Promise<MapleEntries | null> {
  const range = slotsOf(btf, 'maple_range_64');
  const arange = slotsOf(btf, 'maple_arange_64');
  if (range === null || arange === null) return null;
  const entries: MapleEntry[] = [];
  if ((root & 3n) !== ROOT_MARK || root < LOWEST_NODE) return { entries, isWhole: root === 0n };
  let isWhole = true;
  let left = MOST_NODES;
  let nodes: NodeRange[] = [{ node: root, first: 0n, last: 0xffff_ffff_ffff_ffffn }];
  for (let level = 0; nodes.length > 0; level += 1) {
    left -= nodes.length;
    if (level === MOST_LEVELS || left < 0) return { entries, isWhole: false };
    const read = await space.readMany(
      nodes.map(({ node }) => ({ address: node & NODE_MASK, lengthBytes: NODE_BYTES })),
    );
    const below: NodeRange[] = [];
    for (const [at, place] of nodes.entries()) {
      const bytes = read[at] ?? null;
      const type = Number((place.node >> 3n) & 0xfn);
      const slots = type === ARANGE_TYPE ? arange : type === LEAF_TYPE || type === RANGE_TYPE ? range : null;
      if (bytes === null || slots === null) isWhole = false;
      else if (type === LEAF_TYPE) for (const each of childrenOf(bytes, slots, place)) entries.push(each);
      else
        for (const { first, last, value } of childrenOf(bytes, slots, place)) below.push({ node: value, first, last });
    }
    nodes = below;
  }
  return { entries, isWhole };
}

function slotsOf(btf: Btf, structure: string): Slots | null {
  const pivot = btf.findMember(structure, 'pivot');
  const slot = btf.findMember(structure, 'slot');
  if (pivot === undefined || slot === undefined) return null;
  const [pivots, slots] = [btf.elementOf(pivot.type).count, btf.elementOf(slot.type).count];
  const fits = pivot.offsetBytes + 8 * pivots <= NODE_BYTES && slot.offsetBytes + 8 * slots <= NODE_BYTES;
  return fits ? { pivot: pivot.offsetBytes, pivots, slot: slot.offsetBytes, slots } : null;
}

/** A slot ends at its pivot; the last one in use, whose pivot is 0 or absent, at the end of its node. */
function* childrenOf(bytes: Uint8Array, { pivot, pivots, slot, slots }: Slots, node: NodeRange): Generator<MapleEntry> {
  let { first } = node;
  for (let at = 0; at < slots; at += 1) {
    const told = at < pivots ? word(bytes, pivot + 8 * at, 8) : 0n;
    const isLast = (told === 0n && at > 0) || at >= pivots || told >= node.last;
    const last = isLast ? node.last : told;
    const value = word(bytes, slot + 8 * at, 8);
    if (last < first) return;
    if (value !== 0n) yield { first, last, value };
    if (isLast) return;
    first = last + 1n;
  }
}
