import { z } from 'zod';
import type { QmpExecutor } from '../client.ts';

const migrationSchema = z
  .object({ status: z.string().optional(), 'blocked-reasons': z.array(z.string()).optional() })
  .transform(({ status, 'blocked-reasons': blockedReasons = [] }) => ({ status, blockedReasons }));

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
