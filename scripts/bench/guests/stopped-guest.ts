import { GdbClient, type MemoryPiece } from '../../../protocols/gdb/index.ts';
import { connect } from '../../../protocols/transport/index.ts';
import type { QemuProcess } from '../../../src/testing/index.ts';
import { RawMonitor } from './raw-monitor.ts';

const TIMEOUT_MS = 5000;

/** Stops a guest for as long as something is measured on it. Who then attaches finds it stopped, and leaves it so. */
export async function whileStopped<T>(guest: QemuProcess, use: (monitor: RawMonitor) => Promise<T>): Promise<T> {
  await using monitor = await RawMonitor.open(guest.witnessEndpoint);
  await monitor.execute('stop');
  try {
    return await use(monitor);
  } finally {
    await monitor.execute('cont');
  }
}

/**
 * Reads memory of a stopped guest through its stub, each flight when the one before is home, and does nothing with it.
 *
 * @returns how long that took, in milliseconds, without connecting
 */
export async function readFlightsMs(guest: QemuProcess, flights: readonly (readonly MemoryPiece[])[]): Promise<number> {
  const client = await GdbClient.connect(await connect(guest.gdbEndpoint, { timeoutMs: TIMEOUT_MS }));
  try {
    await client.setPhysicalMode(true);
    const start = performance.now();
    for (const pieces of flights) await client.readMemoryMany(pieces);
    const elapsedMs = performance.now() - start;
    await client.setPhysicalMode(false);
    return elapsedMs;
  } finally {
    await client.close();
  }
}
