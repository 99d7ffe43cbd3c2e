import type { MappedRange } from '../../paging/index.ts';
import { LinuxDataError } from '../errors.ts';
import type { AddressSpace } from '../memory/address-space.ts';

/** Bytes of a kernel from an address on. @internal */
export interface ImagePiece {
  readonly address: bigint;
  readonly bytes: Uint8Array;
}

/** What was read of a kernel in one pause: all that its names are made of. @internal */
export interface KernelImage {
  /** The first byte of the text: `_stext`. */
  readonly textFirst: bigint;
  /** Its read-only data, in ascending order. */
  readonly readOnly: readonly ImagePiece[];
  readonly wordBytes: 4 | 8;
  /** Whether executable pages begin at an address. */
  isTextStart(address: bigint): boolean;
}

/** Where a kernel lies, by the width of its addresses: its text mapping, or from the lowest place on at which it can be split. */
const REGIONS = {
  8: { first: 0xffff_ffff_8000_0000n, last: 0xffff_ffff_bfff_ffffn },
  4: { first: 0x4000_0000n, last: 0xffff_ffffn },
} as const;
const LEAST_TEXT_BYTES = 1n << 20n;
/** Read-only data comes behind the text, and no kernel seen has a third of this. */
const MOST_BYTES = 32 << 20;
const LEAST_PIECE_BYTES = 64 << 10;

/** Where a kernel was found: its image lies in these ranges. @internal */
export interface KernelPlace {
  readonly space: AddressSpace;
  readonly textFirst: bigint;
  readonly wordBytes: 4 | 8;
  readonly textStarts: readonly bigint[];
  /** Read-only data, neighbours joined. */
  readonly readOnly: readonly { readonly address: bigint; readonly lengthBytes: number }[];
}

/**
 * Looks for a kernel in an address space, by what it maps: executable pages for the kernel alone, and read-only data behind them.
 * Where no page can be made non-executable (32-bit paging without PAE, or NXE=0) both are read-only pages, side by side.
 *
 * @returns what is there instead, in words, where it is not
 * @internal
 */
export async function findKernel(space: AddressSpace): Promise<KernelPlace | string> {
  const { context } = space;
  if (context.levels.length === 0) return 'paging is off';
  const wordBytes = context.linearBits === 32 ? 4 : 8;
  const { first, last } = REGIONS[wordBytes];
  const ranges = await space.ranges(first, last);
  const hasNoExecute = ranges.some(({ rights }) => !rights.exec);
  const texts = ranges.filter(({ rights }) => rights.exec && !rights.user && (hasNoExecute || !rights.write));
  const text = texts.find((range) => range.last - range.first + 1n >= LEAST_TEXT_BYTES);
  if (text === undefined) return texts.length === 0 ? "no executable page in the kernel's range" : 'no kernel text';
  const isData = ({ first: at, rights }: MappedRange): boolean =>
    !rights.write && !rights.user && (hasNoExecute ? !rights.exec && at > text.first : at >= text.first);
  const readOnly = joinNeighbours(ranges.filter(isData));
  if (readOnly.length === 0) return `no read-only data behind the executable pages`;
  return { space, textFirst: text.first, wordBytes, textStarts: texts.map((range) => range.first), readOnly };
}

/** Ranges with the same rights may differ in the global bit, which page-table isolation clears for a part. */
function joinNeighbours(ranges: readonly MappedRange[]): { address: bigint; lengthBytes: number }[] {
  const joined: { address: bigint; lengthBytes: number }[] = [];
  for (const { first, last } of ranges) {
    const before = joined.at(-1);
    const lengthBytes = Number(last - first + 1n);
    if (before !== undefined && before.address + BigInt(before.lengthBytes) === first)
      before.lengthBytes += lengthBytes;
    else joined.push({ address: first, lengthBytes });
  }
  return joined.filter(({ lengthBytes }) => lengthBytes >= LEAST_PIECE_BYTES);
}

/**
 * Reads what names are made of. The guest may run on afterwards.
 *
 * @throws LinuxDataError `ERR_LINUX_DATA` for more than any kernel has.
 * @internal
 */
export async function readKernelImage(place: KernelPlace): Promise<KernelImage> {
  const { space, textFirst, wordBytes, textStarts, readOnly } = place;
  const pieces: ImagePiece[] = [];
  let left = MOST_BYTES;
  const affordable = readOnly.filter(({ lengthBytes }) => {
    left -= lengthBytes;
    return left >= 0;
  });
  if (affordable.length === 0)
    throw new LinuxDataError('the kernel', `it has more than ${MOST_BYTES >> 20} MiB of read-only data`);
  const read = await space.readMany(affordable);
  read.forEach((bytes, at) => {
    const address = affordable[at]?.address;
    if (bytes !== null && address !== undefined) pieces.push({ address, bytes });
  });
  return { textFirst, wordBytes, readOnly: pieces, isTextStart: (address) => textStarts.includes(address) };
}
