import type { SymbolPlace } from '../../linux/index.ts';
import type { NestedContext, PagingContext } from '../../paging/index.ts';
import type { ReportedAssumption } from '../assumed/reported-assumption.ts';
import type { ReportedCause } from '../causes/cause-evidence.ts';
import type { ReportedOwner } from '../linux/format-owner.ts';
import type { ReportedRegion } from '../translation/reported-translation.ts';

/** A value with where it came from: the register, property or section; or why there is none. @public */
export type ReportedValue<T> =
  | {
      readonly value: T;
      /** `gdb-stub`, `qom`, `monitor`, `device-state`, `given`. */
      readonly from: string;
      readonly detail: string;
    }
  | { readonly value: T; readonly from: 'assumed' | 'not-in-use'; readonly cause: ReportedCause };

/** Where a vCPU is in its code and its stack. @public */
export interface ReportedPosition {
  /** An offset in the code segment. */
  readonly rip: ReportedValue<bigint>;
  readonly csBase: ReportedValue<bigint>;
  readonly bases?: Readonly<Record<'es' | 'ss' | 'ds' | 'fs' | 'gs', ReportedValue<bigint>>>;
  readonly rsp?: ReportedValue<bigint>;
  /** The address of the last page fault. */
  readonly cr2: ReportedValue<bigint>;
}

/** The registers of a vCPU that translations depend on. @public */
export interface ReportedRegisters {
  /** Absent where the guest comes from what does not say. */
  readonly position?: ReportedPosition;
  readonly cr0: ReportedValue<bigint>;
  readonly cr3: ReportedValue<bigint>;
  readonly cr4: ReportedValue<bigint>;
  readonly efer: ReportedValue<bigint>;
  readonly rflags: ReportedValue<bigint>;
  readonly cs: ReportedValue<bigint>;
  readonly ss: ReportedValue<bigint>;
  readonly cpl: ReportedValue<number>;
  readonly a20: ReportedValue<boolean>;
  readonly pkru: ReportedValue<number>;
  readonly pkrs: ReportedValue<number>;
  /** The second stage that the vCPU runs behind. */
  readonly nested: ReportedValue<ReportedStage | null>;
}

/** @public */
export type ReportedStage =
  | { readonly kind: 'npt'; readonly registers: { readonly nestedCr3: bigint } }
  | { readonly kind: 'ept'; readonly eptp: bigint };

/** What CPUID tells the guest. @public */
export interface ReportedProcessor {
  readonly maxPhyAddr: ReportedValue<number>;
  readonly vendor: ReportedValue<string>;
  readonly pse36: ReportedValue<boolean>;
  readonly pdpe1gb: ReportedValue<boolean>;
}

/** A part of the guest's physical address space. @public */
export interface ReportedRange extends ReportedRegion {
  readonly first: bigint;
  /** Inclusive. */
  readonly last: bigint;
}

/** How memory is read when much of it is wanted. @public */
export interface ReportedMemoryAccess {
  /** `host-file`, `host-process`, `gdb-stub`. */
  readonly provider: string;
  /** The better ways, and why each is not used. */
  readonly attempts: readonly { readonly provider: string; readonly cause: ReportedCause }[];
}

/** One vCPU of a guest, and the guest around it. @public */
export interface ReportedState {
  readonly cpu: number;
  /** The numbers of all vCPUs; not always from 0 on without gaps. */
  readonly cpus: readonly number[];
  readonly state: ReportedRegisters & ReportedProcessor;
  readonly context: Pick<PagingContext, 'mode' | 'root' | 'linearBits'>;
  /** The second stage that `state` names, null where it names none: `nestedContextOf(state)`. */
  readonly nestedContext: NestedContext | null;
  /** Whether the guest runs when no client looks at it; undefined when that is unknown. */
  readonly runs: boolean | undefined;
  readonly memory: readonly ReportedRange[];
  readonly memoryAccess: ReportedMemoryAccess;
  /** What had to be assumed beside the values marked so. */
  readonly assumed: readonly ReportedAssumption[];
  /** Where names were asked for: whose CR3 it is, and the symbol that its code is in. */
  readonly owner?: ReportedOwner | null;
  readonly place?: SymbolPlace | null;
}
