import { MonitorTextError } from '../errors.ts';
import { LineScanner } from './line-scanner.ts';
import { TextLines } from './lines.ts';

/** One line of `info cpus`. @public */
export interface InfoCpu {
  readonly cpuIndex: number;
  readonly threadId: number;
  /** The one that the monitor's own commands look at. */
  readonly isCurrent: boolean;
}

const COMMAND_LINE = 'info cpus';
/** More than any machine of QEMU's has. */
const MAX_CPUS = 8192;
/** Older versions print the program counter and more in front of it. */
const THREAD = ' thread_id=';

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
  const cpus: InfoCpu[] = [];
  const line = new TextLines(COMMAND_LINE, text);
  while (line.next()) {
    if (line.text.trim() === '') continue;
    if (cpus.length === MAX_CPUS) throw line.error(`there are more than ${MAX_CPUS} vCPUs in it`);
    cpus.push(readLine(line));
  }
  if (cpus.length === 0) throw new MonitorTextError(COMMAND_LINE, 'there is no vCPU in it');
  return cpus;
}

function readLine(line: TextLines): InfoCpu {
  const text = line.text.trimEnd();
  const start = new LineScanner(text);
  const isCurrent = start.take('*');
  const isCpu = (isCurrent || start.take(' ')) && start.take(' CPU #');
  const cpuIndex = isCpu ? start.decimal() : undefined;
  const end = new LineScanner(text, text.lastIndexOf(THREAD));
  const threadId = cpuIndex !== undefined && start.take(':') && end.take(THREAD) ? end.decimal() : undefined;
  if (cpuIndex === undefined || threadId === undefined || !end.isAtEnd) throw line.error('this is no vCPU');
  return { cpuIndex, threadId, isCurrent };
}
