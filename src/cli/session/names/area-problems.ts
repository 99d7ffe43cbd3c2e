import type { LinuxTask } from '../../../linux/index.ts';
import type { AreaProblem, KnownAreas } from '../../../linux/internal.ts';

/** Of the kernel, so that it is the same for each process. */
const OF_ALL: readonly AreaProblem[] = ['32-bit', 'no-types'];

const PROBLEMS: Readonly<Record<AreaProblem, string>> = {
  '32-bit': 'structures of kernels with 32 bits are not read',
  'no-types': "the kernel's type information does not say where a process has its areas",
  damaged: 'the list of its areas is damaged',
  paths: 'paths of files lead to no root',
};

/**
 * What is lacking of areas, in sentences.
 *
 * @param task - whose areas are among them; null for the kernel's alone
 * @internal
 */
export function describeAreaProblems(
  { problem, ofKernel }: Pick<KnownAreas, 'problem' | 'ofKernel'>,
  task: LinuxTask | null,
): readonly string[] {
  if (problem === null || task === null) return ofKernel;
  const whose = OF_ALL.includes(problem) ? 'of processes' : `of process ${task.pid} ${task.comm}`;
  return [...ofKernel, `not all areas ${whose} are known: ${PROBLEMS[problem]}`];
}
