/**
 * The named ways in which processors, KVM and QEMU's TCG differ where they all translate the same entries. A profile is one
 * row of switches; the walk reads switches and knows no machine.
 *
 * @public
 */
export interface Profile {
  readonly name: string;
  /** A reserved-bit fault reports P=1 (SDM vol. 3A, 4.7). TCG since QEMU 7.2 reports P=0. */
  readonly reservedFaultSetsP: boolean;
  /** Bit 8 of PML5Es and PML4Es must be 0 (APM vol. 2, 5.3.3); Intel ignores it. */
  readonly topLevelBit8Reserved: boolean;
  /** A 1 GB page needs CPUID.pdpe1gb; otherwise PS is reserved in a PDPTE. */
  readonly honoursPdpe1gb: boolean;
  /**
   * Which of bits 8:0 of a PAE PDPTE must be 0. SDM table 4-8: 8:5 and 2:1, checked when MOV CR3 loads the PDPTEs. A walk that
   * reads them from memory checks them then.
   */
  readonly pdpteReserved: number;
  /** How many physical address bits above 32 a 4 MB page takes from bits 20:13 (PSE-36); the rest, and bit 21, are reserved. */
  readonly pse36: 'by-maxphyaddr' | '4-bits' | '8-bits';
}

/** The architecture as Intel's manual defines it. @public */
export const INTEL: Profile = {
  name: 'intel',
  reservedFaultSetsP: true,
  topLevelBit8Reserved: false,
  honoursPdpe1gb: true,
  pdpteReserved: 0x1e6,
  pse36: 'by-maxphyaddr',
};

/** The architecture as AMD's manual defines it. @public */
export const AMD: Profile = { ...INTEL, name: 'amd', topLevelBit8Reserved: true };

const PDPTE_A = 1 << 5;

/**
 * The same architecture, on PDPTEs that TCG has used: QEMU's TCG sets bit 5 of a PAE PDPTE in memory as if it were an accessed
 * bit (7.2 and 10.0). A processor holds PDPTEs in registers since MOV CR3, where that bit was still 0, so it does not count.
 *
 * @public
 */
export function afterTcg(profile: Profile): Profile {
  return { ...profile, pdpteReserved: profile.pdpteReserved & ~PDPTE_A };
}
