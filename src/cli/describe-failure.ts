import { CliError } from './errors.ts';

const GUEST_OR_CONNECTION = 3;

/** The exit status that an error ends the command with. @internal */
export function exitStatusOf(error: unknown): number {
  if (error instanceof AggregateError) return exitStatusOf(error.errors[0]);
  return error instanceof CliError ? error.exitStatus : GUEST_OR_CONNECTION;
}

/**
 * An error in lines for standard error. The messages of all layers already tell of a cause what a person can use, so causes
 * are shown only of mistakes in this program, and for debugging. Several errors at once, a failure and the failure to leave
 * the guest after it, are told one after the other.
 *
 * @param debug - with stack traces
 * @internal
 */
export function describeFailure(error: unknown, debug: boolean): readonly string[] {
  if (error instanceof AggregateError) return error.errors.flatMap((each) => describeFailure(each, debug));
  if (!(error instanceof Error)) return [`pagewalk: ${String(error)}`];
  const line = hasCode(error)
    ? `pagewalk: ${error.message}`
    : `pagewalk: internal error, please report it: ${[error, ...causesOf(error)].map(String).join('; because of ')}`;
  return debug ? [line, ...stacks(error)] : [line];
}

/** Every error that is meant to be seen has one; what has none is a mistake in this program. */
function hasCode(error: Error): boolean {
  return 'code' in error && typeof error.code === 'string';
}

function* causesOf(error: Error): Generator<Error> {
  const seen = new Set<unknown>([error]);
  for (let cause = error.cause; cause instanceof Error && !seen.has(cause); cause = cause.cause) {
    seen.add(cause);
    yield cause;
  }
}

function stacks(error: Error): string[] {
  return [error, ...causesOf(error)].map(({ stack }) => stack ?? '').filter((stack) => stack !== '');
}
