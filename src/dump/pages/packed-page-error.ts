/** A packed page is damaged. It becomes a DumpFormatError where the file is known. @internal */
export class PackedPageError extends Error {
  override readonly name = 'PackedPageError';
  readonly code = 'ERR_DUMP_PACKED_PAGE';
}

/** Bytes that come out, and no more than there is room for. @internal */
export class PageOutput {
  readonly bytes: Uint8Array;
  length = 0;

  constructor(mostBytes: number) {
    this.bytes = new Uint8Array(mostBytes);
  }

  /** Takes bytes as they are. */
  append(source: Uint8Array, from: number, count: number): void {
    if (from + count > source.length) throw new PackedPageError('it ends too soon');
    this.#require(count);
    this.bytes.set(source.subarray(from, from + count), this.length);
    this.length += count;
  }

  /** Repeats what came out before; it may overlap itself. */
  repeat(distance: number, count: number): void {
    if (distance < 1 || distance > this.length) throw new PackedPageError('it refers to bytes before its beginning');
    this.#require(count);
    const { bytes } = this;
    for (let end = this.length + count; this.length < end; this.length += 1) {
      bytes[this.length] = bytes[this.length - distance] ?? 0;
    }
  }

  get result(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  #require(count: number): void {
    if (this.length + count > this.bytes.length) throw new PackedPageError('it comes to more than a page');
  }
}
