/** Bits 63:32 as the walk takes them. @internal */
export function highHalf(value: bigint): number {
  return Number(BigInt.asIntN(32, value >> 32n));
}

/** Bits 31:0 likewise. @internal */
export function lowHalf(value: bigint): number {
  return Number(BigInt.asIntN(32, value));
}

/** The unsigned 64-bit value of two halves. @internal */
export function joinHalves(high: number, low: number): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}
