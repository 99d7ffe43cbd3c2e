import type { CliContext } from '../../options/command.ts';
import { factsOf, LIMITS_OF_FILE, momentBytes } from '../../picture/moment-bytes.ts';
import { readPageFiles } from '../../picture/page-files.ts';
import { symbolBytes } from '../../picture/symbol-bytes.ts';
import { expectWritable, printWritten, writePage } from '../../picture/write-page.ts';
import { reportedSpace } from '../../session/reported-space.ts';
import { strictStatus } from '../../session/strict-status.ts';
import { takeSnapshot } from '../../session/take-snapshot.ts';
import { type MapCommandLine, NAME } from './parse-map.ts';

/**
 * `pagewalk map --html FILE`.
 *
 * @returns the exit status
 * @internal
 */
export async function writeMapPage(line: MapCommandLine, file: string, context: CliContext): Promise<number> {
  const files = readPageFiles();
  expectWritable(file);
  const taken = await takeSnapshot({ ...line, command: NAME, forWalks: true }, context);
  const { snapshot, assumed, scope } = taken;
  const facts = factsOf({ ...taken, space: reportedSpace(snapshot.state, scope) });
  const moment = momentBytes(snapshot, facts, LIMITS_OF_FILE);
  await printWritten(file, await writePage(file, files, [moment], symbolBytes(taken, [moment], context)), context);
  for (const note of facts.notes) context.complain(`pagewalk: ${note}`);
  const isComplete = snapshot.isWhole && snapshot.isRootReadable;
  return strictStatus(isComplete ? 0 : 1, line.guest.strict, assumed, context);
}
