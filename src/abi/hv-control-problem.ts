/** What is wrong with control flags. The report's `formatHvControlProblem` makes a sentence of it. @public */
export type HvControlProblem =
  | { readonly code: 'too-wide' }
  | { readonly code: 'unknown-flags'; readonly flags: bigint }
  | { readonly code: 'nothing-to-validate' };
