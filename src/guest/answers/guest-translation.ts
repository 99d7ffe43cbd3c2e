import type {
  Access,
  BitFlags,
  NestedTranslation,
  PagingMode,
  PlannedBits,
  Profile,
  Translation,
} from '../../paging/index.ts';
import type { Region } from '../memory/memory-map.ts';
import type { Assumption } from '../vcpu/assumption.ts';
import type { NestedStage } from '../vcpu/nested-state.ts';
import type { Override } from '../vcpu/overrides.ts';
import type { Deviation } from './deviation.ts';
import type { RomEntry } from './rom-entries.ts';

/** One question to a guest. @public */
export interface TranslateRequest {
  readonly linearAddress: bigint;
  readonly access: Access;
  /** Which bits to set. None unless given. */
  readonly flags?: BitFlags;
}

/** Whose address space, and what to change about it. @public */
export interface TranslateScope {
  /** vCPU; 0 unless given. */
  readonly cpu?: number;
  /** Another address space than the vCPU's own. */
  readonly cr3?: bigint;
  /** The address space of a process of the guest's Linux instead, by pid or name: of the half that is in use at the access. */
  readonly process?: number | string;
  /** "What if": changes to the vCPU, in order. Nothing is changed in the guest. */
  readonly overrides?: readonly Override[];
  /**
   * The second stage of a nested guest (L2); null for none. Unless given it is the vCPU's own, where QEMU shows it (SVM
   * guests under TCG).
   */
  readonly nested?: NestedStage | null;
  /** The machine whose behaviour is asked for; the architecture unless given. */
  readonly profile?: Profile;
}

/** The second stage of an answer. @public */
export interface SecondStage {
  readonly translation: NestedTranslation;
  /** The bits that were set in its entries. */
  readonly wrote: readonly PlannedBits[];
}

/** The answer of a guest. @public */
export interface GuestTranslation {
  readonly request: Required<TranslateRequest>;
  readonly cpu: number;
  readonly mode: PagingMode;
  /** Whose behaviour the answer is. */
  readonly profile: string;
  readonly translation: Translation;
  /**
   * Both stages, when the vCPU runs a nested guest (L2): `translation` then speaks of L2 physical addresses, and what
   * the second stage refuses is an unbacked table in it.
   */
  readonly nested: SecondStage | null;
  /** The bits that were set in guest memory for this request, and seen there afterwards. */
  readonly wrote: readonly PlannedBits[];
  /** All bits that the flags asked for are set in memory now; true also when none was missing. */
  readonly bitsAreSet: boolean;
  /** What lies at the physical address, of a nested guest the L1 physical one; null when the translation failed. */
  readonly region: Region | null;
  /** The entries of the walk that lie in ROM, shadowed ROM above all: no A or D bit can be set there. */
  readonly inRom: readonly RomEntry[];
  /** Where the machine that runs the guest would answer otherwise; null where it would not. */
  readonly deviation: Deviation | null;
  /** What the answer rests on that was unavailable. */
  readonly assumed: readonly Assumption[];
}
