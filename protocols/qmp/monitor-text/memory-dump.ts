import { MonitorTextError } from '../errors.ts';
import { LineScanner } from './line-scanner.ts';
import { TextLines } from './lines.ts';

const COMMAND_LINE = 'xp /…xg';
/** The monitor prints two; any number on a line is understood. */
const SEPARATOR = ' 0x';

/**
 * Reads what `xp /<count>xg` prints:
 *
 * ```
 * 0000000000110000: 0x0000000000111067 0x0000000000114007
 * ```
 *
 * @param count - how many words were asked for
 * @throws MonitorTextError (`ERR_QMP_MONITOR_TEXT`) when it is not as many words.
 * @public
 */
export function parseMemoryDump(text: string, count: number): BigUint64Array {
  const words = new BigUint64Array(count);
  let found = 0;
  const line = new TextLines(COMMAND_LINE, text);
  while (line.next()) {
    if (line.text.trim() === '') continue;
    const scanner = new LineScanner(line.text.trimEnd());
    if (scanner.hexDigits(16) === undefined || !scanner.take(':')) throw line.error('these are no words of memory');
    while (scanner.take(SEPARATOR)) {
      const digits = scanner.hexDigits(16);
      if (digits === undefined || found === count) throw line.error('this is not as many words as were asked for');
      words[found] = BigInt(`0x${digits}`);
      found += 1;
    }
    if (!scanner.isAtEnd) throw line.error('these are no words of memory');
  }
  if (found !== count) throw new MonitorTextError(COMMAND_LINE, `${found} words of memory instead of ${count}`);
  return words;
}
