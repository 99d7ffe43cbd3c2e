import { type QmpClient, queryChardev } from '../../../protocols/qmp/index.ts';
import { STUB_LABEL } from '../found/chardev-labels.ts';

/**
 * Whether the stub that QEMU has may be the one on this device: there is one at a time, and one that another client has started since
 * has taken the device's place, or is on a device of its own.
 *
 * @internal
 */
export async function isStubOn(qmp: QmpClient, id: string): Promise<boolean> {
  const labels = (await queryChardev(qmp)).map(({ label }) => label);
  return labels.includes(id) && !labels.includes(STUB_LABEL);
}
