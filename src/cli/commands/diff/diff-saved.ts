import { requireAlike } from '../../io/require-alike.ts';
import { SavedMap } from '../../io/saved-map.ts';
import type { CliContext } from '../../options/command.ts';
import { LIMITS_OF_TWO } from '../../picture/moment-bytes.ts';
import { readPageFiles } from '../../picture/page-files.ts';
import { SavedMomentMaker } from '../../picture/saved-moment.ts';
import { expectWritable, printWritten, writePage } from '../../picture/write-page.ts';
import { complainOfAssumed } from '../../session/complain-of-assumed.ts';
import { strictStatus } from '../../session/strict-status.ts';
import { type DiffSavedCommandLine, NAME } from './parse-diff.ts';
import { printChanges } from './print-changes.ts';

/**
 * Compares two files.
 *
 * @returns the exit status
 * @throws {@link InputFileError} `ERR_CLI_INPUT_FILE` for a file that holds no map, and for maps of different things.
 * @internal
 */
export async function diffSaved(line: DiffSavedCommandLine, context: CliContext): Promise<number> {
  if (line.html !== undefined) return pictureSaved(line, line.html, context);
  await using before = await SavedMap.open(line.before, context, 'diff');
  await using after = await SavedMap.open(line.after, context, 'diff');
  requireAlike(before, after);
  const { diffMaps } = await import('../../../report/index.ts');
  await complainOfAssumed([...before.heading.assumed, ...after.heading.assumed], context);
  const { mode } = after.heading;
  const count = await printChanges(diffMaps(before.segments(), after.segments()), mode, line, context);
  return statusOf([before, after], count === 0, line.strict, context);
}

/** Says which of the files were incomplete. */
function statusOf(
  maps: readonly Pick<SavedMap, 'name' | 'heading' | 'isComplete'>[],
  isSame: boolean,
  isStrict: boolean,
  context: CliContext,
): Promise<number> {
  const partial = maps.filter(({ isComplete }) => isComplete === false);
  for (const { name } of partial) {
    context.complain(`pagewalk: ${name} is an incomplete map; missing entries may be false differences`);
  }
  const assumed = maps.flatMap(({ heading }) => heading.assumed);
  return strictStatus(isSame && partial.length === 0 ? 0 : 1, isStrict, assumed, context);
}

/** Both files in a picture, which are compared while they are read: the page shows what `pagewalk diff` prints. */
async function pictureSaved(line: DiffSavedCommandLine, html: string, context: CliContext): Promise<number> {
  const files = readPageFiles();
  expectWritable(html);
  await using before = await SavedMap.open(line.before, context, NAME);
  await using after = await SavedMap.open(line.after, context, NAME);
  requireAlike(before, after);
  await complainOfAssumed([...before.heading.assumed, ...after.heading.assumed], context);
  const { diffMaps } = await import('../../../report/index.ts');
  const one = new SavedMomentMaker(before, LIMITS_OF_TWO, context);
  const other = new SavedMomentMaker(after, LIMITS_OF_TWO, context);
  let isSame = true;
  // To its end: both maps are kept as they go by.
  for await (const _ of diffMaps(one.segments(), other.segments())) isSame = false;
  const moments = [one.moment().bytes, other.moment().bytes];
  await printWritten(html, await writePage(html, files, moments), context);
  return statusOf([before, after], isSame, line.strict, context);
}
