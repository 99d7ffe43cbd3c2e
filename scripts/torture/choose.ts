import { TortureError } from './torture-error.ts';

/** What was asked for by its name or number is not there: a suite that was run beside others has nothing to do. */
export class NothingChosenError extends TortureError {}

/** A choice among what has names. */
export interface Choice<T> {
  /** What they are, in the singular: `way of coming to harm`. */
  readonly what: string;
  readonly all: readonly T[];
  readonly nameOf: (each: T) => string;
  /** `--named`: only those whose name contains this. */
  readonly named?: string | undefined;
  /** `--case`: only the one of this number. Numbers are those of the whole list. */
  readonly only?: number | undefined;
}

/**
 * Those that were asked for.
 *
 * @throws NothingChosenError, which lists the names that there are: a run of nothing must not pass for one that went well
 */
export function choose<T>({ what, all, nameOf, named, only }: Choice<T>): readonly T[] {
  const chosen = all.filter(
    (each, number) => (only ?? number) === number && (named === undefined || nameOf(each).includes(named)),
  );
  if (chosen.length > 0) return chosen;
  const wanted = [
    ...(only === undefined ? [] : [`the number ${only} (they are 0 to ${all.length - 1})`]),
    ...(named === undefined ? [] : [`"${named}" in its name`]),
  ];
  const names = [...new Set(all.map(nameOf))].map((name) => `  ${name}\n`);
  throw new NothingChosenError(`no ${what} has ${wanted.join(' and ')}. There are:\n${names.join('')}`);
}
