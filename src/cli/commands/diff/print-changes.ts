import type { PagingMode } from '../../../paging/index.ts';
import type { MapChange } from '../../../report/index.ts';
import { chooseStyle } from '../../io/choose-style.ts';
import type { CliContext } from '../../options/command.ts';
import type { PrintedDiff } from './parse-diff.ts';

/** So many lines are printed at once. */
const BATCH = 1024;

/**
 * Prints changes as they are found.
 *
 * @returns how many were printed: none where nothing differs
 * @internal
 */
export async function printChanges(
  changes: AsyncIterable<MapChange>,
  mode: PagingMode,
  { limit, json }: PrintedDiff,
  context: CliContext,
): Promise<number> {
  const { encodeChange, formatChange } = await import('../../../report/index.ts');
  const style = chooseStyle(context);
  let lines: string[] = [];
  let count = 0;
  let hasMore = false;
  for await (const change of changes) {
    if (count === limit) {
      hasMore = true;
      break;
    }
    count += 1;
    lines.push(json ? `${encodeChange(change)}\n` : formatChange(change, mode, style));
    if (lines.length < BATCH) continue;
    await context.print(lines.join(''));
    lines = [];
    context.signal.throwIfAborted();
    if (context.unread?.aborted) break;
  }
  await context.print(lines.join(''));
  if (hasMore) context.complain(`pagewalk: stopped after ${count} changes: take --limit N for more`);
  return count;
}
