import type {
  HvMemoryIntercept,
  HvOtherEvent,
  HvTranslateAnswer,
  HvTranslateInput,
  HvTranslateOutput,
  HvTranslateOutputEx,
} from '../../abi/index.ts';
import type { PagingMode } from '../../paging/index.ts';
import type { ReportedAssumption } from '../assumed/reported-assumption.ts';
import type { ReportedAddressSpace, ReportedTranslation } from '../translation/reported-translation.ts';

/** One answer of the hypercall about a guest, as far as it is shown. @public */
export interface ReportedHvTranslation {
  readonly hypercall: 'HvCallTranslateVirtualAddress' | 'HvCallTranslateVirtualAddressEx';
  readonly gva: bigint;
  readonly controlFlags: bigint;
  readonly cpu: number;
  readonly mode: PagingMode;
  /** The VTL that was asked about, and whether the question named any: an answer to one that did not is silent about it. */
  readonly vtl: { readonly number: number; readonly isNamed: boolean };
  readonly cpl: number;
  readonly space: ReportedAddressSpace;
  readonly answer: HvTranslateAnswer;
  /** The output as the hypercall would write it. */
  readonly output: Uint8Array;
  /** The walk that decided, with the bits that were set; null for an address of more than 64 bits, for which none is made. */
  readonly walk: ReportedTranslation | null;
  /** Every bit that was planned is set in memory now; null where none was asked for. */
  readonly bitsAreSet: boolean | null;
  /** What the answer rests on that was unavailable. */
  readonly assumed: readonly ReportedAssumption[];
}

/** Bytes of the hypercall, as they were understood. @public */
export type DecodedHvBytes =
  | { readonly kind: 'input'; readonly input: HvTranslateInput }
  | { readonly kind: 'output'; readonly output: HvTranslateOutput }
  | {
      readonly kind: 'output-ex';
      readonly output: HvTranslateOutputEx;
      readonly event: HvMemoryIntercept | HvOtherEvent | null;
    };
