import type { EntrySource } from './translate.ts';

/**
 * Page tables that lie in a buffer: a memory dump, a core file's segment, tables that a program has just built.
 *
 * @param bytes - guest physical memory
 * @param base - guest physical address of the first byte
 * @public
 */
export function bufferMemory(bytes: Uint8Array, base = 0n): EntrySource {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const last = base + BigInt(bytes.byteLength);
  return {
    readEntry(address, size) {
      if (address < base || address + BigInt(size) > last) return null;
      const offset = Number(address - base);
      return size === 8 ? view.getBigUint64(offset, true) : BigInt(view.getUint32(offset, true));
    },
  };
}
