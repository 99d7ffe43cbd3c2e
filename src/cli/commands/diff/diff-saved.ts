import { formatHex } from '../../../report/index.ts';
import { InputFileError } from '../../errors.ts';
import { SavedMap, type SavedMapHeading } from '../../io/saved-map.ts';
import type { CliContext } from '../../options/command.ts';
import { readPageFiles } from '../../picture/page-files.ts';
import { momentOfFile } from '../../picture/saved-moment.ts';
import { expectWritable, printWritten, writePage } from '../../picture/write-page.ts';
import { complainOfAssumed } from '../../session/complain-of-assumed.ts';
import { strictStatus } from '../../session/strict-status.ts';
import { type DiffSavedCommandLine, NAME } from './parse-diff.ts';
import { printChanges } from './print-changes.ts';

/** What must be the same for a comparison to say anything, in words. */
const ALIKE: readonly (readonly [keyof SavedMapHeading, (heading: SavedMapHeading) => string])[] = [
  ['of', ({ of }) => (of === 'pages' ? 'pages (--leaves)' : 'ranges')],
  ['filter', ({ filter }) => (filter === null ? 'everything' : `--filter ${filter}`)],
  ['first', describeRange],
  ['last', describeRange],
];

function describeRange({ first, last }: SavedMapHeading): string {
  return `--range ${formatHex(first)}-${formatHex(last)}`;
}

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
  for (const [name, describe] of ALIKE) {
    if (before.heading[name] === after.heading[name]) continue;
    const problem = `is a map of ${describe(after.heading)}, and ${before.name} one of ${describe(before.heading)}`;
    throw new InputFileError(after.name, 1, problem);
  }
  const { diffMaps } = await import('../../../report/index.ts');
  const assumed = [...before.heading.assumed, ...after.heading.assumed];
  await complainOfAssumed(assumed, context);
  const { count } = await printChanges(diffMaps(before.segments(), after.segments()), line, context);
  const partial = [before, after].filter(({ isComplete }) => isComplete === false);
  for (const { name } of partial) {
    context.complain(`pagewalk: ${name} is an incomplete map; missing entries may be false differences`);
  }
  return strictStatus(count === 0 && partial.length === 0 ? 0 : 1, line.strict, assumed, context);
}

/** Both files in a picture. */
async function pictureSaved(
  { before, after }: DiffSavedCommandLine,
  html: string,
  context: CliContext,
): Promise<number> {
  const files = readPageFiles();
  expectWritable(html);
  const moments = [await momentOfFile(before, context, NAME), await momentOfFile(after, context, NAME)];
  return printWritten(html, await writePage(html, files, moments), context);
}
