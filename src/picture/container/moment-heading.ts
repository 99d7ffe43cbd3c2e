import type { ReportedAddressSpace, ReportedAssumption } from '../../report/index.ts';

/** The layout of bytes and heading that this version writes, and reads. @internal */
export const PICTURE_FORMAT = 1;

/** What lies at guest physical addresses. @internal */
export interface PictureRegion {
  readonly kind: 'ram' | 'rom' | 'device' | 'none';
  readonly name: string;
  readonly first: bigint;
  readonly last: bigint;
  readonly offset: bigint;
  readonly onlyInSmm?: true;
}

/** Something at linear addresses that has a name: a part of the kernel, a file that a process has mapped. @internal */
export interface PictureName {
  readonly first: bigint;
  readonly last: bigint;
  readonly text: string;
}

/** What a look has done to a guest that runs. @internal */
export type MomentPause =
  /** It was paused, for no longer than this. */
  | { readonly kind: 'paused'; readonly atMostMs: number }
  /** It was not paused. */
  | { readonly kind: 'live' }
  /** It was paused before, and stayed so. */
  | { readonly kind: 'paused-before' };

/** What an address space at one moment is the address space of. @internal */
export interface MomentHeading {
  readonly format: typeof PICTURE_FORMAT;
  /** The version of pagewalk that read it. */
  readonly version: string;
  /** The guest's endpoint, or the file that it was saved in. */
  readonly from: string;
  /** When the tables were read: milliseconds since 1970; null where nothing says so, as for a saved map and a dump. */
  readonly takenAtMs: number | null;
  /** Null where no guest runs. */
  readonly pause: MomentPause | null;
  /** Null where a saved map does not say so. */
  readonly cpu: number | null;
  readonly mode: string;
  readonly linearBits: 32 | 48 | 57;
  /** What addresses are: sign-extended where the mode has canonical ones. */
  readonly isUnsigned: boolean;
  /** Null where a saved map does not say so. */
  readonly space: ReportedAddressSpace | null;
  /** The part of the address space that was read. */
  readonly first: bigint;
  readonly last: bigint;
  /**
   * The vCPU as the question has it (`VcpuState` of the guest layer), from which walks are made; null for a saved map, which has
   * neither registers nor tables.
   */
  readonly state: unknown;
  readonly regions: readonly PictureRegion[];
  readonly names: readonly PictureName[];
  /** What the map rests on that was unavailable. */
  readonly assumed: readonly ReportedAssumption[];
  /** What else is to be said of it, in sentences: what is incomplete, and why. */
  readonly notes: readonly string[];
  /** Why no walk can be made of this moment, as a sentence; null where walks can be made. */
  readonly whyNoWalks: string | null;
  /** Names of the regions that bits of a range's `classes` stand for, where ranges are kept. */
  readonly classNames: readonly string[];
}
