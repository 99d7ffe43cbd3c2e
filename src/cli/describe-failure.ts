import type { GuestMemoryError, GuestStubError } from '../guest/index.ts';
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
 * the guest after it, are told one after the other. Causes that an error has as data become sentences here.
 *
 * @param debug - with stack traces
 * @internal
 */
export async function describeFailure(error: unknown, debug: boolean): Promise<readonly string[]> {
  if (error instanceof AggregateError) {
    return (await Promise.all(error.errors.map((each) => describeFailure(each, debug)))).flat();
  }
  if (!(error instanceof Error)) return [`pagewalk: ${String(error)}`];
  const line = hasCode(error)
    ? `pagewalk: ${error.message}${await explain(error)}`
    : `pagewalk: internal error, please report it: ${[error, ...causesOf(error)].map(String).join('; because of ')}`;
  return debug ? [line, ...stacks(error)] : [line];
}

/** Every error that is meant to be seen has one; what has none is a mistake in this program. */
function hasCode(error: Error): error is Error & { readonly code: string } {
  return 'code' in error && typeof error.code === 'string';
}

/** What the layers below say in codes. They are not imported for it: where they failed they are there, and are told by their codes. */
async function explain(error: Error & { readonly code: string }): Promise<string> {
  if (error.code !== 'ERR_GUEST_MEMORY' && error.code !== 'ERR_GUEST_STUB_UNREACHABLE') return '';
  const { formatCause } = await import('../report/index.ts');
  if (error.code === 'ERR_GUEST_MEMORY') {
    const tried = (error as GuestMemoryError).attempts.map(
      ({ provider, cause }) => `${provider}: ${formatCause(cause)}`,
    );
    return ` (${tried.join('; ') || 'it was not to be looked for'})`;
  }
  const { unproven } = error as GuestStubError;
  return unproven === undefined ? '' : ` (${formatCause(unproven)})`;
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
