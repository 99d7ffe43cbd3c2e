import { PictureError } from '../errors.ts';

/** The counterpart of `ByteWriter`, over bytes that are not trusted. @internal */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at: number;
  readonly #end: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  get position(): number {
    return this.#at;
  }

  /** How many bytes follow. */
  get left(): number {
    return this.#end - this.#at;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#end;
  }

  byte(): number {
    if (this.#at >= this.#end) throw new PictureError('the picture was cut off');
    const value = this.#bytes[this.#at] as number;
    this.#at += 1;
    return value;
  }

  number(): number {
    const first = this.#bytes[this.#at] as number;
    // Most are small, and there are millions.
    if (this.#at < this.#end && first < 128) {
      this.#at += 1;
      return first;
    }
    let value = 0;
    for (let weight = 1; weight < 2 ** 53; weight *= 128) {
      const byte = this.byte();
      value += (byte & 127) * weight;
      if (byte < 128) {
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
    }
    throw new PictureError('the picture has a number of more than 53 bits');
  }

  signed(): number {
    const value = this.number();
    return value % 2 === 1 ? -(value + 1) / 2 : value / 2;
  }

  skip(lengthBytes: number): void {
    if (lengthBytes > this.#end - this.#at) throw new PictureError('the picture was cut off');
    this.#at += lengthBytes;
  }

  take(lengthBytes: number): Uint8Array {
    const start = this.#at;
    this.skip(lengthBytes);
    return this.#bytes.subarray(start, start + lengthBytes);
  }

  ascii(lengthBytes: number): string {
    const parts: string[] = [];
    const bytes = this.take(lengthBytes);
    for (let at = 0; at < bytes.length; at += 4096) parts.push(String.fromCharCode(...bytes.subarray(at, at + 4096)));
    return parts.join('');
  }
}
