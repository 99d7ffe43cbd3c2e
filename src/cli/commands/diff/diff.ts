import type { CliContext, Command } from '../../options/command.ts';
import { diffGuest } from './diff-guest.ts';
import { diffSaved } from './diff-saved.ts';
import { NAME, OPTIONS, parseDiff } from './parse-diff.ts';

async function run(words: readonly string[], context: CliContext): Promise<number> {
  const line = parseDiff(words, context.environment);
  return line.kind === 'saved' ? diffSaved(line, context) : diffGuest(line, context);
}

/** @internal */
export const diffCommand: Command = {
  name: NAME,
  synopsis: '{A.json B.json | --after MS --qmp ENDPOINT | --dump A {--dump B | --qmp ENDPOINT}} [OPTION...]',
  description:
    'Compares two maps: files that pagewalk map --json has saved, or two moments of a guest, which runs in between, or two\n' +
    'dumps, or a dump with a guest as it is now. Shows\n' +
    'what appeared (+), vanished (-), and (~) has other rights, another key, page size or place in memory, or became accessed\n' +
    'or dirty. Two moments of a guest are compared page by page, and so are files that were saved with --leaves. In files of\n' +
    'ranges A and D are counts, which are compared where both files have the same range. The exit status is 1 when something\n' +
    'differs, also with --html, which writes both into a page that shows what changed.',
  options: OPTIONS,
  run,
};
