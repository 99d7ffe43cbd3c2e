import type { PagingMode } from '../../../../src/paging/index.ts';
import type { Random } from '../../../support/random/random.ts';
import type { EntryOdds } from '../../processor-rig/entry-bits.ts';
import type { PagedMode } from '../../processor-rig/paged-mode.ts';
import { GUEST_PD, GUEST_PDPT, GUEST_PML4, GUEST_PT_32 } from '../layout.ts';
import { framesOf } from './frames.ts';
import type { GuestPhysical } from './guest-physical.ts';
import type { HostMemory } from './host-memory.ts';
import { RandomEntry } from './random-entry.ts';
import { isPointerTable, tableFormats, windowFlags } from './table-format.ts';

const KINDS = 8;
const windowTables: Readonly<Record<PagedMode, number>> = {
  '32-bit': GUEST_PT_32,
  pae: GUEST_PD,
  '4-level': GUEST_PDPT,
  '5-level': GUEST_PML4,
};

/** The kinds of frames that are tables: the levels. */
export function tableKindsOf(mode: PagingMode): readonly number[] {
  return mode === 'off' ? [] : Array.from({ length: tableFormats[mode].top }, (_, at) => at + 1);
}

/**
 * Fills every frame that is a table with random entries. They lead to guest-physical addresses whose kind is the next level;
 * the first one of a root to the window.
 */
export function fillGuestTables(
  random: Random,
  mode: PagedMode,
  {
    memory,
    maxPhyAddr,
    addresses,
    odds,
  }: {
    readonly memory: HostMemory;
    readonly maxPhyAddr: number;
    readonly addresses: GuestPhysical;
    readonly odds: EntryOdds;
  },
): void {
  const { top, entries, entryBytes, largePages } = tableFormats[mode];
  const entry = new RandomEntry(random, mode, maxPhyAddr, odds);
  const is32Bit = mode === '32-bit';
  const width = is32Bit ? 32 : maxPhyAddr;
  const largeWidth = is32Bit ? Math.min(40, maxPhyAddr) : maxPhyAddr;
  const pageKinds = Array.from({ length: KINDS }, (_, kind) => kind).filter((kind) => kind === 0 || kind > top);
  for (let level = top; level >= 1; level--) {
    const isPointer = isPointerTable(mode, level);
    const rootEntries = isPointer ? 4 : entries;
    const large = largePages[level];
    for (const table of framesOf(memory, level)) {
      for (let index = 0; index < entries; index++) {
        const address = table + index * entryBytes;
        if (level === top && index % rootEntries === 0) {
          memory.put(address, windowTables[mode] | windowFlags(mode, level), is32Bit ? null : 0, true);
          continue;
        }
        if (large !== undefined && random.chance(level === 2 ? 25 : 12)) {
          entry.makeLarge(level, addresses.largePage(large, largeWidth));
        } else {
          const target = addresses.page(nextKind(random, level, pageKinds), width);
          if (isPointer) entry.makePointer(target);
          else entry.makeSmall(level, target);
        }
        memory.put(address, entry.low, is32Bit ? null : entry.high);
      }
    }
  }
}

/** The kind that an entry of a level leads to: the next level, or a page; rarely any. */
function nextKind(random: Random, level: number, pageKinds: readonly number[]): number {
  if (random.chance(2)) return random.below(KINDS);
  return level > 1 ? level - 1 : random.pick(pageKinds);
}
