import { asAnswer } from '../../paging/internal.ts';
import type { SourceName } from '../source-names.ts';

/**
 * A value with where it came from. `assumed` values were unavailable; everything that depends on them says so.
 *
 * @public
 */
export interface Sourced<T> {
  readonly value: T;
  readonly from: SourceName | 'given' | 'not-in-use' | 'assumed';
  /** The register, property or section; for an assumption, why the value was unavailable. */
  readonly detail: string;
}

/** @internal */
export function sourced<T>(value: T, from: Sourced<T>['from'], detail: string): Sourced<T> {
  return asAnswer({ value, from, detail });
}
