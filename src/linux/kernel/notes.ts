import { formatHex } from '../../paging/index.ts';
import { decodeName, encodeText, findBytes } from '../memory/latin-text.ts';
import { u32 } from '../memory/little-endian.ts';
import type { SymbolTable } from '../symbols/symbol-table.ts';
import type { ImagePiece, KernelImage } from './kernel-image.ts';

/** The build id that the linker has put into a kernel, and where. @internal */
export interface BuildId {
  /** Hexadecimal digits. */
  readonly id: string;
  readonly address: bigint;
  readonly lengthBytes: number;
}

const GNU = [0x47, 0x4e, 0x55, 0];
const NT_GNU_BUILD_ID = 3;
const LONGEST_ID = 64;
const PAGE_BYTES = 4096;
const ELF_MAGIC = 0x464c_457f;
/** A vDSO has a build id of its own, and takes some pages. */
const VDSO_PAGES = 4;
const MOST_BANNER_CHARS = 512;

/** The kernel's own build id: between `__start_notes` and `__stop_notes`, and in no vDSO. @internal */
export function findBuildId({ readOnly }: KernelImage, symbols: SymbolTable | null): BuildId | null {
  const first = symbols?.addressOf('__start_notes');
  const end = symbols?.addressOf('__stop_notes');
  for (const { address, bytes } of readOnly) {
    for (let at = bytes.indexOf(GNU[0] as number, 12); at >= 0; at = bytes.indexOf(GNU[0] as number, at + 1)) {
      const lengthBytes = u32(bytes, at - 8);
      const isNote =
        GNU.every((byte, index) => bytes[at + index] === byte) &&
        u32(bytes, at - 12) === GNU.length &&
        u32(bytes, at - 4) === NT_GNU_BUILD_ID &&
        lengthBytes > 0 &&
        lengthBytes <= LONGEST_ID &&
        at + GNU.length + lengthBytes <= bytes.length;
      if (!isNote) continue;
      const place = address + BigInt(at);
      const isOwn = first === undefined || end === undefined ? !isInVdso(bytes, at) : place >= first && place < end;
      if (!isOwn) continue;
      const id = bytes.subarray(at + GNU.length, at + GNU.length + lengthBytes);
      return { id: digitsOf(id), address: place + BigInt(GNU.length), lengthBytes };
    }
  }
  return null;
}

function isInVdso(bytes: Uint8Array, at: number): boolean {
  for (let page = at - (at % PAGE_BYTES), count = 0; page >= 0 && count < VDSO_PAGES; page -= PAGE_BYTES, count += 1) {
    if (u32(bytes, page) === ELF_MAGIC) return true;
  }
  return false;
}

/** Two digits for each byte. @internal */
export function digitsOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => formatHex(byte, 2).slice(2)).join('');
}

/** `Linux version 6.1.0-56-cloud-amd64 (…) #1 SMP …`, as the kernel says it when it boots. @internal */
export function findBanner({ readOnly }: KernelImage): string | null {
  const wanted = encodeText('Linux version ');
  for (const { bytes } of readOnly) {
    const at = findBytes(bytes, wanted, (end) => isDigit(bytes[end]));
    if (at >= 0) return decodeName(bytes, at, Math.min(bytes.length, at + MOST_BANNER_CHARS)).trimEnd();
  }
  return null;
}

function isDigit(byte = 0): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/** The bytes between two addresses of the image; null where it has not all of them. @internal */
export function bytesBetween(pieces: readonly ImagePiece[], first: bigint, end: bigint): Uint8Array | null {
  for (const { address, bytes } of pieces) {
    if (first < address || end > address + BigInt(bytes.length) || end < first) continue;
    return bytes.subarray(Number(first - address), Number(end - address));
  }
  return null;
}
