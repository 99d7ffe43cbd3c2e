import type { QmpClient } from '../../../protocols/qmp/index.ts';
import {
  claimJournal,
  findLeftJournals,
  type JournalOf,
  type LeftJournal,
  noteLeft,
  removeJournal,
} from '../restore/journal.ts';
import { type PutBack, putBack, type Resumption } from '../restore/put-back.ts';
import type { RestorePlan } from '../restore/restore-plan.ts';

/** What an earlier client had left in the guest when it was killed together with its watchdog, and what became of it. @public */
export interface Recovery {
  /** The process that was killed. */
  readonly client: number;
  /** When it attached. ISO 8601. */
  readonly since: string;
  readonly resumption: Resumption;
  /** QEMU's word for the run state in which the guest was found. */
  readonly foundState: string;
  /** Null where it had not used the stub. */
  readonly physicalModeOff: boolean | null;
  /** Null where it had started no stub. */
  readonly stubRemoved: boolean | null;
}

/**
 * Puts back what killed clients have left in this guest. One whose pause another client may have made its own stays paused.
 *
 * @internal
 */
export async function recover(qmp: QmpClient, guest: JournalOf): Promise<readonly Recovery[]> {
  const recoveries: Recovery[] = [];
  for (const left of findLeftJournals(guest)) {
    const claimed = claimJournal(left);
    if (claimed === undefined) continue;
    const done = await putBack(qmp, claimed.plan, { resumeUnrecorded: false });
    const remaining = leftOver(claimed.plan, done);
    if (Object.keys(remaining).length === 0) removeJournal(claimed.file);
    else noteLeft(claimed.file, remaining);
    const recovery = toRecovery(claimed, done);
    if (recovery !== undefined) recoveries.push(recovery);
  }
  return recoveries;
}

/** What the next run finds: of a stub that was taken back it could only say that it is not to be reached. */
function leftOver({ qmp, resume, registers }: RestorePlan, { left, resumption }: PutBack): RestorePlan {
  // Said again until the guest runs: there may have been a good reason to kill that client.
  if (resumption !== 'unknown' && resumption !== 'failed') return left;
  return {
    ...left,
    ...(qmp === undefined ? {} : { qmp }),
    ...(resume === undefined ? {} : { resume }),
    ...(registers === undefined ? {} : { registers }),
  };
}

/** Undefined for a client that had left nothing. */
function toRecovery({ head }: LeftJournal, { left, late, isStubBusy, ...done }: PutBack): Recovery | undefined {
  const { resumption, physicalModeOff, stubRemoved } = done;
  if (resumption === 'not-asked' && physicalModeOff === null && stubRemoved === null) return undefined;
  return { client: head.client.pid, since: head.since, ...done };
}
