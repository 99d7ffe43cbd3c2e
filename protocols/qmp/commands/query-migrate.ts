import * as z from 'zod/mini';
import type { QmpExecutor } from '../executor.ts';

const migrationSchema = z.pipe(
  z.object({ status: z.optional(z.string()), 'blocked-reasons': z.optional(z.array(z.string())) }),
  z.transform(({ status, 'blocked-reasons': blockedReasons = [] }) => ({ status, blockedReasons })),
);

/** @public */
export interface MigrationInfo {
  /** `active`, `completed`, `postcopy-active`, …; undefined where no migration was ever begun. */
  readonly status: string | undefined;
  /** Why QEMU would refuse to migrate, a sentence each: `non-migratable device: 0000:00:04.0/nvme`. */
  readonly blockedReasons: readonly string[];
}

/** `query-migrate`: the migration under way or the last one, and what forbids one. @public */
export function queryMigrate(qmp: QmpExecutor): Promise<MigrationInfo> {
  return qmp.execute('query-migrate', undefined, { schema: migrationSchema });
}

/** What `status` is where nothing is under way, in either direction, nor a snapshot in the background (7.2 to 10.2). */
const IDLE = new Set<string | undefined>([undefined, 'none', 'completed', 'failed', 'cancelled']);

/** Whether a migration or a snapshot is under way; a status that is not known counts as one. @public */
export function isMigrating({ status }: MigrationInfo): boolean {
  return !IDLE.has(status);
}
