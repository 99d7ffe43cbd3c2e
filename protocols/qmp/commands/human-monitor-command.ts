import * as z from 'zod/mini';
import { QmpHmpError } from '../errors.ts';
import type { QmpExecutor } from '../executor.ts';
import { isHmpError, normalizeLineEnds } from '../monitor-text/hmp-output.ts';

/** How a command line of the human monitor is run. @public */
export interface HmpOptions {
  /** The vCPU that `info registers`, `x`, `gva2gpa` and so on look at: the `cpu-index` of QMP. The first unless given. */
  readonly cpuIndex?: number;
  readonly timeoutMs?: number;
}

const outputSchema = z.string();

/**
 * Runs a command line of the human monitor and returns what it printed, with plain `\n` line ends. The CPU chosen by a
 * `cpu N` line is not remembered by QEMU between two calls; use `cpuIndex`.
 *
 * @throws QmpHmpError (`ERR_QMP_HMP`) when the monitor did not understand the line. Other failures are texts that only the
 * one who knows the command can tell from success.
 * @throws the errors of `execute`; QmpCommandError for a `cpuIndex` that does not exist.
 * @public
 */
export async function humanMonitorCommand(
  qmp: QmpExecutor,
  commandLine: string,
  { cpuIndex, timeoutMs }: HmpOptions = {},
): Promise<string> {
  const output = await qmp.execute(
    'human-monitor-command',
    { 'command-line': commandLine, ...(cpuIndex === undefined ? {} : { 'cpu-index': cpuIndex }) },
    { schema: outputSchema, ...(timeoutMs === undefined ? {} : { timeoutMs }) },
  );
  const text = normalizeLineEnds(output);
  if (isHmpError(text)) throw new QmpHmpError(qmp.endpoint, commandLine, text);
  return text;
}
