import type { MemoryMap } from '../memory/memory-map.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';

/** Where to read what a hypervisor has in memory. @internal */
export interface SeenMemory {
  readonly memory: PhysicalMemory;
  readonly map: MemoryMap;
}

/** Fields of a VMCB (APM vol. 2, appendix B). TCG lays out its host-save area in the same way. @internal */
export const VMCB_CR4 = 0x548;
/** @internal */
export const VMCB_CR0 = 0x558;
/** @internal */
export const VMCB_G_PAT = 0x668;
const FIELD_BYTES = 8;

/** Null where the memory map has no memory. @internal */
export async function readVmcbField(address: number, { memory, map }: SeenMemory): Promise<bigint | null> {
  if (!map.isReadable(address, FIELD_BYTES)) return null;
  const [bytes] = await memory.read([{ address, lengthBytes: FIELD_BYTES }]);
  return bytes === undefined ? null : new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
}
