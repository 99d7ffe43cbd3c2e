/** What 16 bytes of pages say beside the number of their place: `mov eax, number`, then code that ends the probe. */
export interface Marker {
  /** The three bytes of code behind the number, above a byte that is zero. */
  readonly code: number;
  /** The other eight bytes. */
  readonly rest: readonly [low: number, high: number];
}

const MARKER_BYTES = 16;
const MOV_EAX = 0xb8;
const IN_HIGH_MEMORY = 0x80_0000;

/** The number of 16 bytes, by their offset in the low or in the high memory. */
export function markerNumberAt(offset: number, isHigh: boolean): number {
  return Math.floor(offset / MARKER_BYTES) + (isHigh ? IN_HIGH_MEMORY : 0);
}

/** The number in the 16 bytes of pages at a physical address, to be loaded or fetched. */
export function markerNumber({ highBase }: { readonly highBase: number | null }, address: number): number {
  const isHigh = highBase !== null && address >= highBase;
  return markerNumberAt(isHigh ? address - highBase : address, isHigh);
}

/** Fills bytes with markers, the first of which has a number. */
export function writeMarkers(bytes: Buffer, firstNumber: number, { code, rest }: Marker): void {
  const [low, high] = rest;
  for (let offset = 0; offset < bytes.length; offset += MARKER_BYTES) {
    const number = firstNumber + offset / MARKER_BYTES;
    bytes.writeUInt32LE(((number << 8) | MOV_EAX) >>> 0, offset);
    bytes.writeUInt32LE((code | (number >>> 24)) >>> 0, offset + 4);
    bytes.writeUInt32LE(low, offset + 8);
    bytes.writeUInt32LE(high, offset + 12);
  }
}
