import { GdbClient } from '../../../../protocols/gdb/index.ts';
import { connect } from '../../../../protocols/transport/index.ts';
import type { QemuProcess } from '../../../../src/testing/index.ts';

/**
 * Writes into the memory of a paused guest, past everything under test but the GDB client, and leaves the stub as
 * it was. No other client may be connected to it.
 *
 * @internal
 */
export async function writePhysical(
  guest: QemuProcess,
  pieces: readonly { readonly address: bigint; readonly bytes: Uint8Array }[],
): Promise<void> {
  const client = await GdbClient.connect(await connect(guest.gdbEndpoint, { timeoutMs: 5000 }));
  try {
    await client.setPhysicalMode(true);
    await Promise.all(pieces.map(({ address, bytes }) => client.writeMemory(address, bytes)));
    await client.setPhysicalMode(false);
  } finally {
    await client.close();
  }
}
