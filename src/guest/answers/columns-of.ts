import { encodeAccess, type PagingContext, startWalk, Walk } from '../../paging/internal.ts';
import { halvesOf, type WalkColumns } from '../walks/walk-many.ts';
import type { Question } from './staged-walks.ts';

/**
 * Questions side by side, as walks over whole pages take them.
 *
 * @throws PagingInputError, as `startWalk`: a column would cut what does not fit.
 * @internal
 */
export function columnsOf(questions: readonly Question[], context: PagingContext): WalkColumns {
  const scratch = new Walk(context);
  for (const { linearAddress, access } of questions) startWalk(scratch, linearAddress, access);
  return {
    halves: halvesOf(BigUint64Array.from(questions, ({ linearAddress }) => linearAddress)),
    accesses: Uint16Array.from(questions, ({ access }) => encodeAccess(access)),
  };
}
