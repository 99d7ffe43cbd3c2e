import type { ReportedAssumption } from '../../report/index.ts';
import type { CliContext } from '../options/command.ts';

/** The exit status of an answer that rests on what was assumed, where `--strict` refuses such answers. @internal */
export const UNSURE = 4;

/**
 * The exit status with `--strict` taken into account. An assumption that cannot change the answer is no failure.
 *
 * @param status - without it
 * @internal
 */
export async function strictStatus(
  status: number,
  strict: boolean,
  assumed: Iterable<ReportedAssumption>,
  context: Pick<CliContext, 'complain'>,
): Promise<number> {
  if (!strict) return status;
  const deciding = [...assumed].filter(({ decides }) => decides);
  if (deciding.length === 0) return status;
  const { formatAssumption } = await import('../../report/index.ts');
  const sentences = new Set(deciding.map(formatAssumption));
  for (const sentence of sentences) context.complain(`pagewalk: --strict: ${sentence}`);
  return UNSURE;
}
