import type { GdbClient } from '../../../protocols/gdb/index.ts';
import { parseInfoStatus } from '../../../protocols/qmp/index.ts';
import { formatPrintable } from '../../../protocols/transport/internal.ts';
import { isOurPause } from './is-our-pause.ts';
import type { Resumed } from './resumed.ts';

/**
 * Resumes a guest that was seen in our pause, by the monitor behind its stub. QEMU has no `cont` that depends on the run state, but it
 * carries out what comes in one write without letting go of the machine in between: the state that the first command shows is the one
 * that the second one ends. A guest that strayed has to be stopped, and what stops it is the caller's choice.
 *
 * @param isOurs - whether a run state is that of our pause
 * @internal
 */
export async function resumeByStub(
  client: GdbClient,
  isOurs: (status: string) => boolean = isOurPause,
): Promise<Resumed> {
  const [shown, complaint] = await Promise.all([client.monitor('info status'), client.monitor('cont')]);
  if (complaint !== '') return { kind: 'refused', complaint: `QEMU says: ${formatPrintable(complaint.trim())}` };
  const { status, running } = parseInfoStatus(shown);
  return running || isOurs(status) ? { kind: 'runs' } : { kind: 'strayed', from: status };
}
