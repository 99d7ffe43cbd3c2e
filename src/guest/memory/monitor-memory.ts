import { parseMemoryDump } from '../../../protocols/qmp/index.ts';
import { formatHex } from '../../paging/index.ts';
import type { Monitor } from '../monitor/monitor.ts';
import type { PhysicalMemory } from './physical-memory.ts';

const WORD_BYTES = 8;

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
        pieces.map(async ({ address, lengthBytes }) => {
          // In whole words: tables of 32-bit paging have entries of half a word.
          const first = address - (address % WORD_BYTES);
          const words = Math.ceil((address + lengthBytes - first) / WORD_BYTES);
          const text = await monitor.hmp(`xp /${words}xg ${formatHex(first)}`);
          return new Uint8Array(parseMemoryDump(text, words).buffer, address - first, lengthBytes);
        }),
      ),
  };
}
