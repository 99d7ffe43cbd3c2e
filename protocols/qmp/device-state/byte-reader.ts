import { DeviceStateError } from '../errors.ts';

/** Reads big-endian fields one after the other, and never past the end. @internal */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #offset: number;

  constructor(bytes: Uint8Array, offset = 0) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#offset = offset;
  }

  get offset(): number {
    return this.#offset;
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4));
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#advance(8));
  }

  u64s(count: number): bigint[] {
    return Array.from({ length: count }, () => this.u64());
  }

  /** `lengthBytes` bytes, shared with the whole. */
  bytes(lengthBytes: number): Uint8Array {
    const start = this.#advance(lengthBytes);
    return this.#bytes.subarray(start, start + lengthBytes);
  }

  /** A name: one byte of length, then ASCII. */
  name(): string {
    return Buffer.from(this.bytes(this.u8())).toString('latin1');
  }

  skip(lengthBytes: number): void {
    this.#advance(lengthBytes);
  }

  #advance(lengthBytes: number): number {
    const start = this.#offset;
    if (start + lengthBytes > this.#bytes.length) throw new DeviceStateError('it ends in the middle of a field', start);
    this.#offset = start + lengthBytes;
    return start;
  }
}
