import { open } from 'node:fs/promises';
import type { QemuProcess } from '../../../../src/testing/index.ts';
import type { Witness } from './witness.ts';

/**
 * Writes into the memory of a guest through the QEMU process, which does not notice: for tests in which another client holds the
 * stub, or the guest must run.
 *
 * @internal
 */
export async function writeHostMemory(
  guest: QemuProcess,
  witness: Witness,
  address: bigint,
  bytes: Uint8Array,
): Promise<void> {
  const said = await witness.hmp(`gpa2hva 0x${address.toString(16)}`);
  const [, hostAddress] = / is 0x([0-9a-f]+)/.exec(said) ?? [];
  if (hostAddress === undefined) throw new Error(`gpa2hva said: ${said}`);
  const file = await open(`/proc/${guest.pid}/mem`, 'r+');
  try {
    await file.write(bytes, 0, bytes.length, Number(`0x${hostAddress}`));
  } finally {
    await file.close();
  }
}
