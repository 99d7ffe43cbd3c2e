import type { LinuxEntry, SymbolPlace } from '../../linux/index.ts';
import type { Access, BitFlags, NestedTranslation, PagingMode, PlannedBits, Translation } from '../../paging/index.ts';
import type { ReportedAssumption } from '../assumed/reported-assumption.ts';
import type { ReportedAreas } from '../linux/format-area.ts';
import type { ReportedOwner } from '../linux/format-owner.ts';
import type { ReportedDeviation } from '../reasons/format-deviation.ts';

/** What kind of thing lies at a physical address, and QEMU's name of it. @public */
export interface ReportedRegion {
  readonly kind: 'ram' | 'rom' | 'device' | 'none';
  /** Empty where nothing is. */
  readonly name: string;
}

/** An entry of a walk, in a region where no bit can be set. @public */
export interface ReportedRomEntry {
  readonly stage: 'guest' | 'nested';
  readonly level: number;
  readonly address: bigint;
  readonly region: ReportedRegion;
}

/** One answer of a guest, as far as it is shown. @public */
export interface ReportedTranslation {
  readonly request: { readonly linearAddress: bigint; readonly access: Access; readonly flags: BitFlags };
  /** vCPU. */
  readonly cpu: number;
  readonly mode: PagingMode;
  readonly translation: Translation;
  /** The bits that were set in guest memory. */
  readonly wrote: readonly PlannedBits[];
  /** All bits that the flags asked for are set in memory now. */
  readonly bitsAreSet: boolean;
  /** The second stage of a nested guest (L2), and the bits set there; null where there is one stage. */
  readonly nested: { readonly translation: NestedTranslation; readonly wrote: readonly PlannedBits[] } | null;
  /** What lies at the physical address, of a nested guest the L1 physical one; null when the translation failed. */
  readonly region: ReportedRegion | null;
  /** The entries of the walk that lie in ROM. */
  readonly inRom: readonly ReportedRomEntry[];
  /** Where the machine that runs the guest would answer otherwise; null where it would not. */
  readonly deviation: ReportedDeviation | null;
  /** What the answer rests on that was unavailable. */
  readonly assumed: readonly ReportedAssumption[];
  /** The symbol that the address lies in, where names were asked for. */
  readonly place?: SymbolPlace | null;
  /** What Linux keeps there, likewise. */
  readonly areas?: ReportedAreas;
  /** What Linux means by the last entry of the walk, likewise. */
  readonly linuxEntry?: LinuxEntry;
  /** Whose address space it is, likewise. */
  readonly owner?: ReportedOwner | null;
}

/** The address space that was walked. @public */
export interface ReportedAddressSpace {
  readonly cr3: bigint;
  /** CR3 was given by the user, and is not the vCPU's own. */
  readonly given: boolean;
  /** Whose it is, where the guest's Linux was asked; null where it does not know. */
  readonly owner?: ReportedOwner | null;
  /** What else the question changes about the vCPU: `CR4.SMAP=0`. */
  readonly changes?: readonly string[];
  /** The machine whose behaviour is asked for; the architecture unless given. */
  readonly profile?: string | undefined;
}
