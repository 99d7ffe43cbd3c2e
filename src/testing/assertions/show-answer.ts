import { formatAccess, formatTranslation, PLAIN, type ReportedAddressSpace } from '../../report/index.ts';
import { formatLinear } from '../../report/internal.ts';
import type { AnyAnswer } from '../answers/guest-answer.ts';

/** The walk, as `pagewalk translate` prints it. @internal */
export function showAnswer(answer: AnyAnswer): string {
  return formatTranslation(answer, answer.space ?? rootOf(answer), PLAIN).trimEnd();
}

/** The question: `0xffff800000001000 (user write)`. @internal */
export function nameAnswer({ request, mode }: AnyAnswer): string {
  return `${formatLinear(request.linearAddress, mode)} (${formatAccess(request.access)})`;
}

/** An answer of a plain view does not say whose CR3 it is: the table that the walk began with is as good. */
function rootOf({ translation }: AnyAnswer): ReportedAddressSpace {
  const [first] = translation.steps;
  const tableBytes = first === undefined || first.sizeBytes * (first.index + 1) > 32 ? 4096n : 32n;
  return { cr3: first === undefined ? 0n : first.address - (first.address % tableBytes), given: false };
}
