import { cont, type QmpClient, QmpCommandError, queryStatus, stop } from '../../../protocols/qmp/index.ts';
import { isOurPause } from './is-our-pause.ts';

/**
 * Resumes a guest that was seen in our pause. QEMU has no `cont` that depends on the run state; but its replies come in order, so that
 * one which is asked for in the same write shows what the guest was resumed from. One that must not run is stopped at once: another
 * client has migrated it away, and it would run beside the one that arrived.
 *
 * @param isOurs - whether a run state is that of our pause
 * @returns the state from which it was resumed and must not have been; undefined when all is well
 * @internal
 */
export async function resumeByQmp(
  qmp: QmpClient,
  isOurs: (status: string) => boolean = isOurPause,
): Promise<string | undefined> {
  const [{ status, running }] = await Promise.all([queryStatus(qmp), cont(qmp)]);
  if (running || isOurs(status)) return undefined;
  await stopStrayed(qmp);
  return status;
}

/**
 * Stops a guest that was resumed after it had left. `cont` has locked its images, for which the one that arrived may wait: QEMU 10.0
 * and later unlock them when told to, earlier ones only in another migration.
 *
 * @internal
 */
export async function stopStrayed(qmp: QmpClient): Promise<void> {
  await stop(qmp);
  await qmp.execute('blockdev-set-active', { active: false }).catch((error: unknown) => {
    if (!(error instanceof QmpCommandError)) throw error;
  });
}
