/**
 * The named ways in which processors, KVM's walker and QEMU's TCG differ where they all translate the same entries. A profile
 * is one row of switches; the walk reads switches and knows no machine.
 *
 * @public
 */
export interface Profile {
  readonly name: string;
  /** A reserved-bit fault reports P=1. SDM vol. 3A, 4.7. */
  readonly reservedFaultSetsP: boolean;
  /** Bit 8 of PML5Es and PML4Es must be 0. APM vol. 2, 5.3.3; Intel ignores it; KVM goes by the guest's vendor. */
  readonly topLevelBit8Reserved: 'never' | 'always' | 'on-amd';
  /** A 1 GB page needs CPUID.Page1GB; otherwise PS is reserved in a PDPTE. */
  readonly honoursPdpe1gb: boolean;
  /**
   * Which of bits 8:0 of a PAE PDPTE must be 0. SDM table 4-8: 8:5 and 2:1, checked when MOV CR3 loads the PDPTEs. A walk that
   * reads them from memory checks them then.
   */
  readonly pdpteReserved: number;
  /**
   * How many physical address bits above 32 a 4 MB page takes from bits 20:13; the rest of them, and bit 21, are reserved. By
   * CPUID.PSE-36 and MAXPHYADDR, at most 8 (SDM vol. 3A, 4.3), or a constant.
   */
  readonly pse36: 'by-cpuid' | 4 | 8;
  /** EFER.NXE makes #PF report fetches only with CR4.PAE=1. SDM vol. 3A, 4.7. */
  readonly fetchReportNeedsPae: boolean;
  /**
   * #PF reports the key of a supervisor page to a user access too, if IA32_PKRS denies it: PK says that a key forbids a data
   * access, whatever else does (SDM vol. 3A, 4.7). TCG looks no further than U/S.
   */
  readonly userFaultReportsKey: boolean;
  /** RFLAGS.AC lifts SMAP for implicit accesses too, at CPL 0 to 2. The manuals say never. SDM vol. 3A, 4.6. */
  readonly implicitHonoursAc: boolean;
  /** Addresses are checked for canonical form before the walk. KVM's walker leaves that to its callers. */
  readonly checksCanonical: boolean;
  /** A non-canonical address relative to SS is #SS, not #GP. */
  readonly stackFaults: boolean;
  /** Linear-address masking, upper address ignore and linear address-space separation exist. */
  readonly lam: boolean;
  readonly uai: boolean;
  readonly lass: boolean;
  /** The #GP of a non-canonical address leaves the address in CR2. */
  readonly nonCanonicalSetsCr2: boolean;
  /** What #PF reports when the memory of a table is not there; null where the architecture does not say. */
  readonly unbackedTable: 'not-present' | null;
  /**
   * Which A bits are set when the access then fails; those of the entry that stopped it never are.
   *
   * - `none`: KVM sets them when it knows that the access is allowed.
   * - `where-denied`: in the entries above the page whose rights deny the access. Intel sets A in the PDE at a page-level protection
   *   violation, and calls the PTE's model specific (SDM vol. 3A, interrupt 14, program state change). Of other faults SDM 4.8 says
   *   no more than that A is set in an entry that a translation uses: of these nothing is promised.
   * - `entries-passed`: in each entry whose table was read. AMD sets A the first time that the table an entry points to is read
   *   (APM vol. 2, 5.4.1); TCG does so too.
   */
  readonly accessedOnFault: 'none' | 'where-denied' | 'entries-passed';
  /** The guest's A and D are set before the second stage is asked for the page. */
  readonly setsBitsBeforeNestedPage: boolean;
  /** A is set in a 1 GB leaf before its bits 29:13 and its rights are looked at. */
  readonly accessedEarlyIn1G: boolean;
  /** Bit 5 of a PAE PDPTE is set like an A bit. */
  readonly setsPdpteAccessed: boolean;
  /** Nested paging of a hypervisor without PAE translates nothing. */
  readonly legacyNptIsIdentity: boolean;
  /** CR4.SMEP of the hypervisor makes nested page faults report fetches. */
  readonly nestedFetchReportFromSmep: boolean;
  /** AMD's guest mode execute trap exists, for guests whose VMCB asks for it. */
  readonly guestModeExecuteTrap: boolean;
  /** AMD's supervisor shadow-stack check likewise. */
  readonly supervisorShadowStackCheck: boolean;
  /** A guest physical address that the nested tables cannot index faults. */
  readonly checksGuestPhysicalWidth: boolean;
  /** How many bits of CR3 are the root's address with 32-bit and PAE paging, and with 5-level paging. */
  readonly legacyRootBits: 32 | 64;
  readonly la57RootBits: 52 | 64;
}

/** The architecture as Intel's manual defines it. @public */
export const INTEL: Profile = {
  name: 'intel',
  reservedFaultSetsP: true,
  topLevelBit8Reserved: 'never',
  honoursPdpe1gb: true,
  pdpteReserved: 0x1e6,
  pse36: 'by-cpuid',
  fetchReportNeedsPae: true,
  userFaultReportsKey: true,
  implicitHonoursAc: false,
  checksCanonical: true,
  stackFaults: true,
  lam: true,
  uai: false,
  lass: true,
  nonCanonicalSetsCr2: false,
  unbackedTable: null,
  accessedOnFault: 'where-denied',
  setsBitsBeforeNestedPage: false,
  accessedEarlyIn1G: false,
  setsPdpteAccessed: false,
  legacyNptIsIdentity: false,
  nestedFetchReportFromSmep: true,
  guestModeExecuteTrap: true,
  supervisorShadowStackCheck: true,
  checksGuestPhysicalWidth: true,
  legacyRootBits: 32,
  la57RootBits: 52,
};

/** The architecture as AMD's manual defines it. @public */
export const AMD: Profile = {
  ...INTEL,
  name: 'amd',
  accessedOnFault: 'entries-passed',
  topLevelBit8Reserved: 'always',
  lam: false,
  uai: true,
};

/** KVM's own guest walker (Linux 6.12), which its ioctls and its instruction emulator use. @public */
export const KVM: Profile = {
  ...INTEL,
  name: 'kvm',
  accessedOnFault: 'none',
  topLevelBit8Reserved: 'on-amd',
  pse36: 4,
  fetchReportNeedsPae: false,
  guestModeExecuteTrap: false,
  supervisorShadowStackCheck: false,
  checksCanonical: false,
  unbackedTable: 'not-present',
};

/** QEMU's TCG, as it is since 7.2.22 and 10.0.13. @public */
export const TCG: Profile = {
  ...INTEL,
  name: 'tcg',
  reservedFaultSetsP: false,
  honoursPdpe1gb: false,
  pdpteReserved: 0,
  pse36: 8,
  userFaultReportsKey: false,
  implicitHonoursAc: true,
  stackFaults: false,
  lam: false,
  lass: false,
  unbackedTable: 'not-present',
  accessedOnFault: 'entries-passed',
  setsBitsBeforeNestedPage: true,
  accessedEarlyIn1G: true,
  setsPdpteAccessed: true,
  legacyNptIsIdentity: true,
  nestedFetchReportFromSmep: false,
  guestModeExecuteTrap: false,
  supervisorShadowStackCheck: false,
  checksGuestPhysicalWidth: false,
  la57RootBits: 64,
};

/** A QEMU version: major, minor, micro. @public */
export type QemuVersion = readonly [major: number, minor: number, micro: number];

function isBefore(version: QemuVersion, other: QemuVersion): boolean {
  for (let at = 0; at < 3; at += 1) {
    const difference = (version[at] ?? 0) - (other[at] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

/**
 * TCG as one version of QEMU has it. The 7.2 series got corrections that later series got with their own point releases.
 *
 * @public
 */
export function tcgProfile(version: QemuVersion): Profile {
  const [major, minor] = version;
  const corrected = major === 7 && minor === 2 ? !isBefore(version, [7, 2, 22]) : !isBefore(version, [10, 0, 13]);
  return {
    ...TCG,
    nonCanonicalSetsCr2: !corrected,
    legacyRootBits: isBefore(version, [7, 2, 10]) ? 64 : 32,
    legacyNptIsIdentity: !isBefore(version, [7, 2, 15]),
  };
}

const PDPTE_A = 1 << 5;

/**
 * The same machine, on PDPTEs that TCG has used: QEMU's TCG sets bit 5 of a PAE PDPTE in memory as if it were an accessed
 * bit (7.2 and 10.0). A processor holds PDPTEs in registers since MOV CR3, where that bit was still 0, so it does not count.
 *
 * @public
 */
export function afterTcg(profile: Profile): Profile {
  return { ...profile, pdpteReserved: profile.pdpteReserved & ~PDPTE_A };
}
