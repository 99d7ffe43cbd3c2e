import type { ReportedAssumption } from '../../report/index.ts';
import type { CliContext } from '../options/command.ts';

/** Says what an answer rests on, once each, where the answer itself has no place for it. @internal */
export async function complainOfAssumed(
  assumed: readonly ReportedAssumption[],
  { complain }: Pick<CliContext, 'complain'>,
): Promise<void> {
  if (assumed.length === 0) return;
  const { formatAssumption } = await import('../../report/index.ts');
  for (const sentence of new Set(assumed.map(formatAssumption))) complain(`pagewalk: assumed: ${sentence}`);
}
