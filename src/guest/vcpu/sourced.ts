import { asAnswer } from '../../paging/internal.ts';
import type { UnavailableCause } from '../causes/unavailable-cause.ts';
import type { UnusedCause } from '../causes/unused-cause.ts';
import type { SourceName } from '../source-names.ts';

/** A value that was read, or given by who asks. @public */
export interface ReadValue<T> {
  readonly value: T;
  readonly from: SourceName | 'given';
  /** The register, property, section or option, by its name. */
  readonly detail: string;
}

/** A value that was unavailable: everything that depends on it says so. @public */
export interface AssumedValue<T> {
  readonly value: T;
  readonly from: 'assumed';
  readonly cause: UnavailableCause;
  /** What it can be instead, where more is known than which values there are at all. */
  readonly others?: readonly T[];
}

/** A value that the vCPU does not use, and that was not read. @public */
export interface UnusedValue<T> {
  readonly value: T;
  readonly from: 'not-in-use';
  readonly cause: UnusedCause;
}

/** A value with where it came from. @public */
export type Sourced<T> = ReadValue<T> | AssumedValue<T> | UnusedValue<T>;

/** @internal */
export function sourced<T>(value: T, from: ReadValue<T>['from'], detail: string): ReadValue<T> {
  return asAnswer({ value, from, detail });
}

/** @internal */
export function assumed<T>(value: T, cause: UnavailableCause, others?: readonly T[]): AssumedValue<T> {
  return asAnswer({
    value,
    from: 'assumed',
    cause: asAnswer(cause),
    ...(others === undefined ? {} : { others }),
  });
}

/** @internal */
export function notInUse<T>(value: T, cause: UnusedCause): UnusedValue<T> {
  return asAnswer({ value, from: 'not-in-use', cause });
}
