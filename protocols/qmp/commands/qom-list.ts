import * as z from 'zod/mini';
import type { QmpExecutor } from '../executor.ts';

const qomListSchema = z.array(z.object({ name: z.string(), type: z.string() }));

/** A property of an object in QEMU; that of a child has the type `child<TYPE>`. @public */
export interface QomProperty {
  readonly name: string;
  readonly type: string;
}

/** `qom-list`: the properties of an object in QEMU, its children among them. The guest is not disturbed. @public */
export function qomList(qmp: QmpExecutor, path: string): Promise<readonly QomProperty[]> {
  return qmp.execute('qom-list', { path }, { schema: qomListSchema });
}
