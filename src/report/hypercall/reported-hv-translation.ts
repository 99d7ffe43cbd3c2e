import type { HvTranslateAnswer } from '../../abi/index.ts';
import type { ReportedAssumption } from '../assumed/reported-assumption.ts';
import type { ReportedTranslation } from '../translation/reported-translation.ts';

/** One answer of the hypercall about a guest, as far as it is shown. @public */
export interface ReportedHvTranslation {
  readonly hypercall: 'HvCallTranslateVirtualAddress' | 'HvCallTranslateVirtualAddressEx';
  readonly gva: bigint;
  readonly controlFlags: bigint;
  readonly cpl: number;
  readonly answer: HvTranslateAnswer;
  /** The output as the hypercall would write it. */
  readonly output: Uint8Array;
  /** The walk that decided, with the bits that were set. */
  readonly walk: ReportedTranslation;
  /** Why the translation failed, in words; null when it did not. */
  readonly reason: string | null;
  /** Every bit that was planned is set in memory now. */
  readonly bitsAreSet: boolean;
  /** What the answer rests on that was unavailable. */
  readonly assumed: readonly ReportedAssumption[];
}
