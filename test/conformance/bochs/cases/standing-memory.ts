import { EPT_PML4, EPT_WINDOW_PD, EPT_WINDOW_PDPT, WINDOW_PD, WINDOW_PDPT, WINDOW_PML4, WINDOW_PT } from '../layout.ts';
import { type BochsMachine, hasFeature } from '../machine.ts';
import { kindsOf } from './case-kind.ts';

/** P, RW, US, A, D: with A and D preset, the code of a case changes no entry that leads to it. */
const OPEN = 0x67n;
/** R, W, X, A, D, and XU. */
const EPT_OPEN = 0x707n;
const EPT_LARGE_WRITE_BACK = 0xb0n;
const CODE_REGION = 0x20_0000n;

/** The window's entry in the root of a guest, by the root's address. */
export function windowEntry(machine: BochsMachine): bigint {
  switch (machine.mode) {
    case '5-level':
      return BigInt(WINDOW_PML4) | OPEN;
    case '4-level':
      return BigInt(WINDOW_PDPT) | OPEN;
    case 'pae':
      // All else of a PDPTE is reserved.
      return BigInt(WINDOW_PD) | 1n;
    case '32-bit':
      return BigInt(WINDOW_PT) | OPEN;
    case 'off':
      return 0n;
  }
}

/** What is in memory for every case of a machine: the window's tables and the code. */
export function standingMemory(machine: BochsMachine): ReadonlyMap<number, bigint> {
  const units = new Map<number, bigint>();
  units.set(WINDOW_PML4, BigInt(WINDOW_PDPT) | OPEN);
  units.set(WINDOW_PDPT, BigInt(WINDOW_PD) | OPEN);
  units.set(WINDOW_PD + 8, BigInt(WINDOW_PT) | OPEN);
  const supervisor = 0x20_0000n | 0x63n;
  const user = 0x20_1000n | OPEN;
  if (machine.mode === '32-bit') units.set(WINDOW_PT + 0x200 * 4, supervisor | (user << 32n));
  else units.set(WINDOW_PT, supervisor).set(WINDOW_PT + 8, user);
  units.set(EPT_PML4, BigInt(EPT_WINDOW_PDPT) | EPT_OPEN);
  units.set(EPT_WINDOW_PDPT, BigInt(EPT_WINDOW_PD) | EPT_OPEN);
  units.set(EPT_WINDOW_PD + 8, CODE_REGION | EPT_OPEN | EPT_LARGE_WRITE_BACK);
  for (const { code, bytes } of kindsOf(machine)) {
    const padded = Buffer.alloc(16, 0xcc);
    padded.set(bytes);
    units.set(code, padded.readBigUInt64LE(0));
    units.set(code + 8, padded.readBigUInt64LE(8));
  }
  return units;
}

/** LASS leaves supervisors no code in the lower half: their window is the last entry of the root too. */
export function hasUpperWindow(machine: BochsMachine): boolean {
  return hasFeature(machine, 'lass');
}
