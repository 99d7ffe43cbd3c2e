/** Little-endian fields of a structure. @internal */
export class Fields {
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u16(at: number): number {
    return this.#view.getUint16(at, true);
  }

  u32(at: number): number {
    return this.#view.getUint32(at, true);
  }

  u64(at: number): bigint {
    return this.#view.getBigUint64(at, true);
  }

  /** A place or a size in 64 bits. One that a number does not hold exactly is larger than any file, before and after. */
  size(at: number): number {
    return Number(this.u64(at));
  }

  /** Text up to its NUL. */
  text(at: number, lengthBytes: number): string {
    const bytes = this.bytes.subarray(at, at + lengthBytes);
    const end = bytes.indexOf(0);
    return latin1(end < 0 ? bytes : bytes.subarray(0, end));
  }
}

/** @internal */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
