import { MonitorTextError } from '../errors.ts';
import { splitLines, type TextLine } from './lines.ts';

/** One line of `info cpus`. @public */
export interface InfoCpu {
  readonly cpuIndex: number;
  readonly threadId: number;
  /** The one that the monitor's own commands look at. */
  readonly isCurrent: boolean;
}

const COMMAND_LINE = 'info cpus';

/**
 * Reads `info cpus`:
 *
 * ```
 * * CPU #0: thread_id=6447
 *   CPU #1: thread_id=6448
 * ```
 *
 * @throws MonitorTextError (`ERR_QMP_MONITOR_TEXT`) naming the line that cannot be read, or when there is none.
 * @public
 */
export function parseInfoCpus(text: string): readonly InfoCpu[] {
  const lines = splitLines(COMMAND_LINE, text).filter((line) => line.text.trim() !== '');
  if (lines.length === 0) throw new MonitorTextError(COMMAND_LINE, 'there is no vCPU in it');
  return lines.map(readLine);
}

function readLine(line: TextLine): InfoCpu {
  const match = /^([* ]) CPU #(\d+):(?: .*)? thread_id=(\d+)\s*$/.exec(line.text);
  if (match === null) throw line.error('this is no vCPU');
  return { cpuIndex: Number(match[2]), threadId: Number(match[3]), isCurrent: match[1] === '*' };
}
