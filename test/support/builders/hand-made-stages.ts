import type { MachineChanges } from '../reference/reference-machine.ts';
import { machineIn } from '../reference/reference-machine.ts';
import type { ReferenceEpt, ReferenceNpt } from '../reference/reference-nested-translation.ts';
import type { ReferenceMemory } from '../reference/reference-translation.ts';
import { memoryOf } from './hand-made-memory.ts';

/*
 * Two stages worked out by hand. Guest-linear 0x0000_1234_5678_9abc: PML4 index 36, PDPT 209, PD 179, PT 393, offset 0xabc.
 *
 *   guest-physical   0x1000  0x2000  0x3000  0x4000  0x5000
 *                    PML4 ─► PDPT ─► PD ───► PT ───► data          CR3 0x1000
 *   host-physical    0x21000 0x22000 0x23000 0x24000 0x25000
 *
 *   nested           0x10000 PML4[0] ─► 0x11000 PDPT[0] ─► 0x12000 PD[0] ─► 0x13000 PT[1…5]
 */

/** The linear address that {@link stages} maps. @internal */
export const twoStageLinear = 0x1234_5678_9abcn;

/** Host-physical addresses of the entries, guest's and nested. @internal */
export const guestEntry = { pml4e: '0x21120', pdpte: '0x22688', pde: '0x23598', pte: '0x24c48' } as const;

/** The nested ones above the last, which all share, and the last of each page. @internal */
export const nestedEntry = {
  pml5e: '0x14000',
  pml4e: '0x10000',
  pdpte: '0x11000',
  pde: '0x12000',
  ofPml4: '0x13008',
  ofPdpt: '0x13010',
  ofPd: '0x13018',
  ofPt: '0x13020',
  ofData: '0x13028',
} as const;

const guestEntries: Readonly<Record<string, bigint>> = {
  [guestEntry.pml4e]: 0x2027n,
  [guestEntry.pdpte]: 0x3027n,
  [guestEntry.pde]: 0x4027n,
  [guestEntry.pte]: 0x5067n,
};

/** A and D are set everywhere in the guest's entries, so that nothing needs to be written. */
function entriesOf(nonLeaf: bigint, leaf: bigint): Readonly<Record<string, bigint>> {
  return {
    ...guestEntries,
    [nestedEntry.pml5e]: 0x1_0000n | nonLeaf,
    [nestedEntry.pml4e]: 0x1_1000n | nonLeaf,
    [nestedEntry.pdpte]: 0x1_2000n | nonLeaf,
    [nestedEntry.pde]: 0x1_3000n | nonLeaf,
    [nestedEntry.ofPml4]: 0x2_1000n | leaf,
    [nestedEntry.ofPdpt]: 0x2_2000n | leaf,
    [nestedEntry.ofPd]: 0x2_3000n | leaf,
    [nestedEntry.ofPt]: 0x2_4000n | leaf,
    [nestedEntry.ofData]: 0x2_5000n | leaf,
  };
}

/** Everything allowed, as AMD's nested tables say it. @internal */
export const openNpt = entriesOf(0x7n, 0x7n);

/** Everything allowed and write-back, as EPT says it; bit 10 too, for mode-based execute control. @internal */
export const openEpt = entriesOf(0x407n, 0x437n);

/** @internal */
export function stages(
  entries: Readonly<Record<string, bigint>>,
  changes: Readonly<Record<string, bigint>> = {},
): ReferenceMemory {
  return memoryOf({ ...entries, ...changes });
}

/** A host in four-level mode whose nested CR3 is 0x10000. @internal */
export function nptOf(changes: MachineChanges = {}, mode: '4-level' | '5-level' = '4-level'): ReferenceNpt {
  return { kind: 'npt', host: machineIn(mode, { cr3: 0x1_0000n, vendor: 'amd', ...changes }) };
}

/** EPT with four levels at 0x10000, write-back, without accessed and dirty flags. @internal */
export function eptOf(changes: Partial<ReferenceEpt['capabilities']> = {}, eptp = 0x1_001en): ReferenceEpt {
  return {
    kind: 'ept',
    eptp,
    capabilities: {
      maxPhyAddr: 40,
      executeOnly: true,
      page1g: true,
      modeBasedExecute: false,
      supervisorShadowStack: false,
      pagingWrite: false,
      advancedExitInformation: true,
      ...changes,
    },
  };
}
