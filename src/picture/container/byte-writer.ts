const SEVEN_BITS = 128;

/** Bytes that grow, with numbers in as few bytes as they need. @internal */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  lengthBytes = 0;

  constructor(capacity = 4096) {
    this.#bytes = new Uint8Array(capacity);
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.lengthBytes] = value;
    this.lengthBytes += 1;
  }

  /** A whole number from 0 to 2^53 - 1, seven bits a byte, the low ones first. */
  number(value: number): void {
    this.#reserve(8);
    let rest = value;
    while (rest >= SEVEN_BITS) {
      this.#bytes[this.lengthBytes] = (rest % SEVEN_BITS) + SEVEN_BITS;
      this.lengthBytes += 1;
      rest = Math.floor(rest / SEVEN_BITS);
    }
    this.#bytes[this.lengthBytes] = rest;
    this.lengthBytes += 1;
  }

  /** A whole number of either sign, of at most 52 bits. */
  signed(value: number): void {
    this.number(value < 0 ? -2 * value - 1 : 2 * value);
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.lengthBytes);
    this.lengthBytes += bytes.length;
  }

  /** Text of characters below 128. */
  ascii(text: string): void {
    this.#reserve(text.length);
    for (let at = 0; at < text.length; at += 1) this.#bytes[this.lengthBytes + at] = text.charCodeAt(at);
    this.lengthBytes += text.length;
  }

  /** What was written, as a view: it holds until more is written. */
  written(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.lengthBytes);
  }

  clear(): void {
    this.lengthBytes = 0;
  }

  #reserve(count: number): void {
    if (this.lengthBytes + count <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(2 * this.#bytes.length, this.lengthBytes + count));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}
