import type { Safekeeping } from '../restore/safekeeping.ts';

const warned = new Set<string>();

/**
 * Says, once in a process, that nothing would resume the guest if this process were killed. It comes before the first pause.
 *
 * @internal
 */
export async function warnWithoutWatchdog(safekeeping: Safekeeping): Promise<void> {
  const problem = await safekeeping.problem();
  if (problem === '' || warned.has(problem)) return;
  warned.add(problem);
  process.emitWarning(
    `no watchdog: ${problem}. If this process is killed while a guest is paused, the guest stays paused until "pagewalk restore" or the next attach. Keep pagewalk out of the bundle (external), bundle pagewalk/watchdog beside it as pagewalk-watchdog.js, or pass watchdog: false to accept it`,
    { type: 'PagewalkWarning', code: 'PAGEWALK_NO_WATCHDOG' },
  );
}
