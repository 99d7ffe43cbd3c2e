import { formatHex } from '../../paging/index.ts';
import type { Monitor } from '../monitor/monitor.ts';
import type { PhysicalMemory } from './physical-memory.ts';

/** `0000000000110000: 0x0000000000111067 0x0000000000114007` */
const LINE = /^[0-9a-f]+:((?: 0x[0-9a-f]{16})+)\s*$/;

/**
 * Guest physical memory through the monitor's `xp`: a millisecond for a page, so it serves to check others. Reading RAM and ROM
 * this way has no effect on the guest, running or not.
 *
 * @internal
 */
export function monitorMemory(monitor: Monitor): PhysicalMemory {
  return {
    read: (pieces) =>
      Promise.all(
        pieces.map(async ({ address, length }) => {
          const text = await monitor.hmp(`xp /${length / 8}xg ${formatHex(address)}`);
          const values = text.split('\n').flatMap((line) => LINE.exec(line)?.[1]?.trim().split(' ') ?? []);
          return new Uint8Array(BigUint64Array.from(values, BigInt).buffer);
        }),
      ),
  };
}
