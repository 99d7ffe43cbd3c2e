import { MonitorTextError } from '../errors.ts';

/** What `info status` says; the same as QMP's `query-status`. @public */
export interface InfoStatus {
  readonly running: boolean;
  /** `running`, `paused`, `prelaunch`, `inmigrate`, ... */
  readonly status: string;
}

const COMMAND_LINE = 'info status';
const STATUS = /^VM status: (running|paused)(?: \(single step mode\))?(?: \(([a-z-]{1,64})\))?\s*$/;

/**
 * Reads `info status`:
 *
 * ```
 * VM status: running
 * VM status: running (single step mode)      up to 8.x, under TCG with one instruction per block
 * VM status: paused
 * VM status: paused (prelaunch)
 * ```
 *
 * @throws MonitorTextError (`ERR_QMP_MONITOR_TEXT`) when it is none of these.
 * @public
 */
export function parseInfoStatus(text: string): InfoStatus {
  const match = STATUS.exec(text);
  if (match === null) {
    throw new MonitorTextError(COMMAND_LINE, 'no known form', { lineNumber: 1, line: text.trimEnd() });
  }
  const [, state = '', reason] = match;
  return { running: state === 'running', status: reason ?? state };
}
