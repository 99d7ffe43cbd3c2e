import { formatCause } from '../causes/format-cause.ts';
import type { ReportedValue } from './reported-state.ts';

/** Where a value was read, or why it was not, in words. @internal */
export function detailOf(source: ReportedValue<unknown>): string {
  return 'cause' in source ? formatCause(source.cause) : source.detail;
}
