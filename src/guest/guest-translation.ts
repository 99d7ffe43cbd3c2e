import type { Access, BitFlags, PagingMode, PlannedBits, Translation } from '../paging/index.ts';
import type { Region } from './memory-map.ts';

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
}

/** The answer of a guest. @public */
export interface GuestTranslation {
  readonly request: Required<TranslateRequest>;
  readonly cpu: number;
  readonly mode: PagingMode;
  readonly translation: Translation;
  /** The bits that were set in guest memory for this request, and seen there afterwards. */
  readonly wrote: readonly PlannedBits[];
  /** All bits that the flags asked for are set in memory now; true also when none was missing. */
  readonly bitsAreSet: boolean;
  /** What lies at the physical address; null when the translation failed. */
  readonly region: Region | null;
  /** What the answer rests on that could not be had, a sentence each. */
  readonly assumed: readonly string[];
}
