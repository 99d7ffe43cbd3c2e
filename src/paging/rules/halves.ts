/** Bits 63:32 as the walk takes them. @internal */
export function highHalf(value: bigint): number {
  return Number(BigInt.asIntN(32, value >> 32n));
}

/** Bits 31:0 likewise. @internal */
export function lowHalf(value: bigint): number {
  return Number(BigInt.asIntN(32, value));
}

/** A bigint out of memory is made in half the time that one out of a number takes. */
const joined = new BigUint64Array(1);
/** Typed arrays have the byte order of the machine. */
const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
const halves = new Int32Array(joined.buffer);
const LOW = isLittleEndian ? 0 : 1;

/** The unsigned 64-bit value of two halves. @internal */
export function joinHalves(high: number, low: number): bigint {
  halves[LOW] = low;
  halves[1 - LOW] = high;
  return joined[0] as bigint;
}
