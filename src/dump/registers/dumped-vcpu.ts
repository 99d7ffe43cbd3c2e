import type { PagingRegisters, ProcessorFeatures } from '../../paging/index.ts';

/** A value that a file says was assumed when it was written, with the words it has for that. @internal */
export type Told<T> = { readonly value: T; readonly assumed?: string };

/** What is known of one vCPU, wherever it is from. @internal */
export interface DumpedVcpu {
  readonly cpu: number;
  /** Where the registers were read, as answers show it: `QEMU note`. */
  readonly where: string;
  readonly from: 'dump' | 'registers-file';
  readonly cr0: bigint;
  readonly cr3: bigint;
  readonly cr4: bigint;
  readonly rflags: bigint;
  readonly cs: bigint;
  readonly ss: bigint;
  readonly cpl: number;
  /** Null where it is unknown. */
  readonly efer: Told<bigint> | null;
  readonly a20: boolean | null;
  /** CS.L: of no meaning outside of long mode. */
  readonly isCode64: boolean | null;
  /** Whether it is in long mode, where something besides EFER tells. */
  readonly longMode: { readonly value: boolean; readonly because: string } | null;
  readonly position: DumpedPosition | null;
  /** Tables that the processor itself reads, by linear address: they have to be mapped. */
  readonly descriptorTables: readonly (readonly [name: string, address: bigint])[];
  readonly keys: Partial<Record<'pkru' | 'pkrs', Told<number>>>;
  readonly features: { readonly [K in keyof DumpedFeatures]?: Told<DumpedFeatures[K]> };
  /** False where it is known that the vCPU runs no nested guest (L2). */
  readonly mayRunNested: boolean;
}

/** @internal */
export interface DumpedPosition {
  readonly rip: bigint;
  readonly csBase: bigint;
  readonly rsp: bigint | null;
  readonly ssBase: bigint;
  readonly cr2: bigint;
}

/** @internal */
export type DumpedFeatures = Required<Pick<ProcessorFeatures, 'maxPhyAddr' | 'vendor' | 'pse36' | 'pdpe1gb'>>;

/** What a walk is made with. @internal */
export type WalkRegisters = Pick<PagingRegisters, 'cr0' | 'cr3' | 'cr4'>;
