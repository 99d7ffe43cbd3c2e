import { HV_CACHE_TYPE, HV_CONTROL } from '../../abi/index.ts';
import { formatHex } from '../words/format-hex.ts';

/** `VALIDATE_WRITE, SET_PAGE_TABLE_BITS`: control flags by the specification's names. @internal */
export function formatControlFlags(controlFlags: bigint): string {
  return Object.entries(HV_CONTROL)
    .filter(([, bit]) => (controlFlags & bit) !== 0n)
    .map(([name]) => name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase())
    .join(', ');
}

/** `WB`: a cache type by its name. @internal */
export function formatCacheType(cacheType: number): string {
  const [name = `cache type ${cacheType}`] =
    Object.entries(HV_CACHE_TYPE).find(([, value]) => value === cacheType) ?? [];
  return name;
}

/** Bytes as a hexadecimal dump without addresses, in eights. @internal */
export function formatBytes(bytes: Uint8Array): string {
  const digits = Array.from(bytes, (byte) => formatHex(byte, 2).slice('0x'.length)).join('');
  return digits.replace(/.{16}(?=.)/g, '$& ');
}
