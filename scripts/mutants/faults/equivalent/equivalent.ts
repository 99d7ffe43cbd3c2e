/** Faults of a file that change nothing that anything can see, for one reason. */
export interface EquivalentFaults {
  /** Below dist. */
  readonly file: string;
  readonly reason: string;
  /** Each the line with the fault in it, as `npm run test:faults` prints it. */
  readonly lines: readonly string[];
}
