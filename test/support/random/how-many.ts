/** Whether this run has all that a change has to pass: `npm run test:long`, and the gate with it. `npm test` is done sooner. */
export const isThorough = process.env['PAGEWALK_THOROUGH'] !== undefined;

/** How many cases a judge gets. */
export function howMany({ daily, thorough }: { readonly daily: number; readonly thorough: number }): number {
  return isThorough ? thorough : daily;
}
