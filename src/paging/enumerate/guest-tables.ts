import type { NestedContext } from '../nested/nested-context.ts';
import { mustWriteBack, tableAccessOf, writeBackAccessOf } from '../nested/stage-access.ts';
import { ENTRY_RW } from '../rules/architecture.ts';
import { ENTRY, entryKindOf } from '../rules/entry-kind.ts';
import type { Level } from '../rules/levels.ts';
import type { PageSource } from './enumerate.ts';
import { SecondStage } from './second-stage.ts';

/**
 * The guest's tables as its processor gets at them, by guest physical page: null where the second stage does not let it read one.
 *
 * @param pageOf - L1 physical memory
 * @internal
 */
export function guestTables(nested: NestedContext, pageOf: PageSource): PageSource {
  const stage = new SecondStage(nested, pageOf);
  return (page, level) => {
    const access = tableAccessOf(nested, level);
    stage.lookUp(page);
    if (!stage.allows(access)) return null;
    const words = pageOf(stage.l1PageOf(page), level);
    const isWritable = nested.writesTables === 'always' || stage.allows(writeBackAccessOf(access));
    return words === null || isWritable ? words : asReadOnly(nested, level, words);
  };
}

/**
 * A table in which no bit can be set, as it works: an entry without A cannot be used, and a leaf without D cannot be written
 * through. The first of either ends in an EPT violation.
 */
function asReadOnly(nested: NestedContext, level: Level, words: Int32Array): Int32Array {
  const copy = words.slice();
  const stride = level.entrySizeBytes / 4;
  for (let at = 0; at < copy.length; at += stride) {
    const low = copy[at] as number;
    const kind = entryKindOf(level, low, stride === 2 ? (copy[at + 1] as number) : 0);
    if (kind !== ENTRY.leaf && kind !== ENTRY.table) continue;
    if (mustWriteBack(nested, level, low, false)) copy[at] = low & ~level.presentMask;
    else if (kind === ENTRY.leaf && mustWriteBack(nested, level, low, true)) copy[at] = low & ~ENTRY_RW;
  }
  return copy;
}
