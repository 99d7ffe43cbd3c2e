import type { NestedContext } from '../nested/nested-context.ts';
import { CR0_CD } from '../rules/architecture.ts';
import {
  combineWithPat,
  effectiveMemoryType,
  type MemoryTypeLeaf,
  type MemoryTypeRegisters,
  type PatType,
  patTypeOf,
} from './memory-type.ts';
import { decodeMemoryType, type MemoryType, mtrrTypeAt } from './mtrr.ts';

/** What a hypervisor says about its guest's memory beside nested page tables. @public */
export interface HypervisorMemoryTypes {
  /** IA32_PAT: the one that nested entries choose from. */
  readonly pat: bigint;
  /** As it was at VMRUN: CD (bit 30) makes everything uncached. */
  readonly cr0: bigint;
}

/** Everything that a memory type of a nested guest (L2) depends on beside both leaves and the address. @public */
export interface NestedMemoryTypeRegisters extends MemoryTypeRegisters {
  /** The hypervisor's; the rest is of the guest that it runs. NPT alone looks at it. */
  readonly hypervisor: HypervisorMemoryTypes;
}

/** The leaves of both stages, as far as they have a say. @public */
export interface NestedMemoryTypeLeaves {
  readonly nestedKind: NestedContext['kind'];
  /** Null while the guest does not page. */
  readonly guest: MemoryTypeLeaf | null;
  /** Null where the second stage translates nothing: then there is but one. */
  readonly nested: MemoryTypeLeaf | null;
}

/**
 * APM vol. 2, table 15-19: the guest's type, then the hypervisor's. WC+, which the manual has where a guest wants WC of memory that the
 * host caches, is WC that looks into the caches; it stays WC whatever the MTRRs say (table 15-20).
 */
const GUEST_AND_HYPERVISOR: Readonly<Record<PatType, Readonly<Record<PatType, PatType>>>> = {
  UC: { UC: 'UC', 'UC-': 'UC', WC: 'UC', WP: 'UC', WT: 'UC', WB: 'UC' },
  'UC-': { UC: 'UC', 'UC-': 'UC-', WC: 'WC', WP: 'UC', WT: 'UC', WB: 'UC' },
  WC: { UC: 'WC', 'UC-': 'WC', WC: 'WC', WP: 'WC', WT: 'WC', WB: 'WC' },
  WP: { UC: 'UC', 'UC-': 'UC', WC: 'UC', WP: 'WP', WT: 'UC', WB: 'WP' },
  WT: { UC: 'UC', 'UC-': 'UC', WC: 'UC', WP: 'UC', WT: 'WT', WB: 'WT' },
  WB: { UC: 'UC', 'UC-': 'UC', WC: 'WC', WP: 'WP', WT: 'WT', WB: 'WB' },
};

/** APM vol. 2, table 15-20: that type, then the MTRR's. CD, the manual's word for uncached but coherent, is UC here. */
const PAT_AND_MTRR: Readonly<Record<PatType, Readonly<Record<MemoryType, MemoryType>>>> = {
  UC: { UC: 'UC', WC: 'UC', WP: 'UC', WT: 'UC', WB: 'UC' },
  'UC-': { UC: 'UC', WC: 'WC', WP: 'UC', WT: 'UC', WB: 'UC' },
  WC: { UC: 'WC', WC: 'WC', WP: 'WC', WT: 'WC', WB: 'WC' },
  WP: { UC: 'UC', WC: 'UC', WP: 'WP', WT: 'UC', WB: 'WP' },
  WT: { UC: 'UC', WC: 'UC', WP: 'UC', WT: 'WT', WB: 'WT' },
  WB: { UC: 'UC', WC: 'WC', WP: 'WP', WT: 'WT', WB: 'WB' },
};

const EPT_MEMORY_TYPE_SHIFT = 3n;
const EPT_IGNORE_PAT = 1n << 6n;

/** SDM vol. 3C, 29.3.7.2 (28.2.6.2): MTRRs have no part in it, as those who make EPT entries put them there. */
function typeByEpt(guestType: PatType, { value }: MemoryTypeLeaf): MemoryType {
  const type = decodeMemoryType(Number((value >> EPT_MEMORY_TYPE_SHIFT) & 7n));
  return value & EPT_IGNORE_PAT ? type : combineWithPat(type, guestType);
}

/**
 * The memory type of an access that both stages have translated.
 *
 * @param physicalAddress - L1 physical: the hypervisor's MTRRs count under NPT
 * @public
 */
export function effectiveNestedMemoryType(
  registers: NestedMemoryTypeRegisters,
  { nestedKind, guest, nested }: NestedMemoryTypeLeaves,
  physicalAddress: bigint,
): MemoryType {
  const { cr0, pat, hypervisor } = registers;
  if (nested === null) return effectiveMemoryType(registers, guest, physicalAddress);
  if (cr0 & CR0_CD) return 'UC';
  // Without paging a guest has no PAT type of its own, and takes what the other stage has. SDM vol. 3C, 29.3.7.2.
  const guestType = guest === null ? 'WB' : patTypeOf(pat, guest);
  if (nestedKind === 'ept') return typeByEpt(guestType, nested);
  // APM vol. 2, 15.25.8: either CD disables caching.
  if (hypervisor.cr0 & CR0_CD) return 'UC';
  const combined = GUEST_AND_HYPERVISOR[guestType][patTypeOf(hypervisor.pat, nested)];
  return PAT_AND_MTRR[combined][mtrrTypeAt(registers, physicalAddress)];
}
