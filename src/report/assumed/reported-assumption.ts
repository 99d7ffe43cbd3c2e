import type { ReportedCause } from '../causes/cause-evidence.ts';

/** A value that was unavailable, and what an answer took in its place. @public */
export interface ReportedAssumption {
  /** `pkru`, `maxPhyAddr`, `nested`, `moment`, `runState`, … */
  readonly name: string;
  /** What was taken; null where that is no value. */
  readonly value: number | string | boolean | null;
  /** Why the value was unavailable. */
  readonly cause: ReportedCause;
  /** Whether another value could have changed the answer. */
  readonly decides: boolean;
}
