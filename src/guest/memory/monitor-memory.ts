import { parseMemoryDump } from '../../../protocols/qmp/index.ts';
import { formatHex } from '../../paging/index.ts';
import type { Monitor } from '../monitor/monitor.ts';
import type { PhysicalMemory } from './physical-memory.ts';

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
          return new Uint8Array(parseMemoryDump(text, length / 8).buffer);
        }),
      ),
  };
}
