import * as z from 'zod/mini';
import type { QmpExecutor } from '../executor.ts';

const kvmSchema = z.object({ enabled: z.boolean(), present: z.boolean() });

/** Whether KVM runs the guest (`enabled`) and whether this QEMU could use it (`present`). @public */
export interface KvmInfo {
  readonly enabled: boolean;
  readonly present: boolean;
}

/** `query-kvm`. @public */
export function queryKvm(qmp: QmpExecutor): Promise<KvmInfo> {
  return qmp.execute('query-kvm', undefined, { schema: kvmSchema });
}
