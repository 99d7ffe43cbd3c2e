import type { Sourced } from '../../src/guest/index.ts';
import { formatCause } from '../../src/report/index.ts';

/** Where a value came from, or why it is not known, in the words that users read. */
export function wordsOf(source: Sourced<unknown>): string {
  return 'cause' in source ? formatCause(source.cause) : source.detail;
}
