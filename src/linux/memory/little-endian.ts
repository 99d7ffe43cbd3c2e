/** Numbers in bytes of a guest: x86 is little-endian. What lies outside of the bytes reads as 0, for callers have bounds of their own. */

/** @internal */
export function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
}

/** @internal */
export function u32(bytes: Uint8Array, at: number): number {
  return (u16(bytes, at) | (u16(bytes, at + 2) << 16)) >>> 0;
}

/** @internal */
export function s32(bytes: Uint8Array, at: number): number {
  return u32(bytes, at) | 0;
}

/** @internal */
export function u64(bytes: Uint8Array, at: number): bigint {
  return BigInt(u32(bytes, at)) | (BigInt(u32(bytes, at + 4)) << 32n);
}

/** A pointer, or an `unsigned long`. @internal */
export function word(bytes: Uint8Array, at: number, wordBytes: 4 | 8): bigint {
  return wordBytes === 8 ? u64(bytes, at) : BigInt(u32(bytes, at));
}
