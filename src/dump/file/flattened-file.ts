import { DumpFormatError } from '../errors.ts';
import { type ByteSource, requireInside } from './byte-source.ts';
import { latin1 } from './fields.ts';

/**
 * makedumpfile's flattened stream, which is written without seeking; QEMU takes it for kdump-compressed dumps:
 *
 * ```
 * "makedumpfile" … to byte 4096 │ offset, size (64 bits each, big-endian) │ size bytes │ offset, size │ …  │ -1, -1
 * ```
 */
const SIGNATURE = 'makedumpfile';
const HEADER_BYTES = 4096;
const SEGMENT_HEADER_BYTES = 16;
/** Of 16 KiB each, as QEMU writes them, 32 GiB of packed pages; an index of 48 MB. */
const MOST_SEGMENTS = 2_097_152;
const FEW_SEGMENTS = 1024;
const END = 0xffff_ffff_ffff_ffffn;

/** @internal */
export function isFlattened(source: ByteSource): boolean {
  if (source.sizeBytes < HEADER_BYTES) return false;
  const start = new Uint8Array(SIGNATURE.length);
  source.readInto(0, start);
  return latin1(start) === SIGNATURE;
}

/** The file that a flattened stream would become, read where it lies in the stream. @internal */
export class FlattenedFile implements ByteSource {
  readonly name: string;
  readonly sizeBytes: number;
  readonly #stream: ByteSource;
  readonly #segments: Segments;

  /** @throws DumpFormatError `ERR_DUMP_FORMAT` for a stream that ends in a segment, or whose segments overlap. */
  constructor(stream: ByteSource) {
    this.name = stream.name;
    this.#stream = stream;
    this.#segments = sortSegments(readSegments(stream), stream.name);
    const last = this.#segments.count - 1;
    this.sizeBytes = last < 0 ? 0 : this.#segments.startOf(last) + this.#segments.sizeOf(last);
  }

  /** What no segment has is zero, as in a file with holes. */
  readInto(offset: number, target: Uint8Array): void {
    target.fill(0);
    const segments = this.#segments;
    const end = offset + target.length;
    for (let at = Math.max(0, segments.indexOf(offset)); at < segments.count; at += 1) {
      const start = segments.startOf(at);
      if (start >= end) return;
      const from = Math.max(offset, start);
      const to = Math.min(end, start + segments.sizeOf(at));
      if (from >= to) continue;
      this.#stream.readInto(segments.placeOf(at) + from - start, target.subarray(from - offset, to - offset));
    }
  }
}

/** Columns of numbers, as there may be a million. */
class Segments {
  count = 0;
  #starts: Float64Array;
  #places: Float64Array;
  #sizes: Float64Array;

  constructor(capacity = FEW_SEGMENTS) {
    this.#starts = new Float64Array(capacity);
    this.#places = new Float64Array(capacity);
    this.#sizes = new Float64Array(capacity);
  }

  add(start: number, place: number, sizeBytes: number): void {
    if (this.count === this.#starts.length) this.#grow();
    this.#starts[this.count] = start;
    this.#places[this.count] = place;
    this.#sizes[this.count] = sizeBytes;
    this.count += 1;
  }

  startOf(at: number): number {
    return this.#starts[at] ?? 0;
  }

  placeOf(at: number): number {
    return this.#places[at] ?? 0;
  }

  sizeOf(at: number): number {
    return this.#sizes[at] ?? 0;
  }

  /** The last that begins at an offset or before; -1 where none does. */
  indexOf(offset: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.startOf(middle) <= offset) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #grow(): void {
    const wider = (column: Float64Array): Float64Array<ArrayBuffer> => {
      const grown = new Float64Array(column.length * 2);
      grown.set(column);
      return grown;
    };
    this.#starts = wider(this.#starts);
    this.#places = wider(this.#places);
    this.#sizes = wider(this.#sizes);
  }
}

function readSegments(stream: ByteSource): Segments {
  const segments = new Segments();
  const header = new Uint8Array(SEGMENT_HEADER_BYTES);
  const view = new DataView(header.buffer);
  for (let at = HEADER_BYTES; at < stream.sizeBytes; ) {
    requireInside(stream, at, SEGMENT_HEADER_BYTES, 'the header of a segment of its flattened stream');
    stream.readInto(at, header);
    const start = view.getBigUint64(0);
    const size = view.getBigUint64(8);
    if (start === END && size === END) return segments;
    const place = at + SEGMENT_HEADER_BYTES;
    const sizeBytes = Number(size);
    requireInside(stream, place, sizeBytes, 'a segment of its flattened stream');
    if (start + size > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw new DumpFormatError(stream.name, `a segment of its flattened stream would lie at byte ${start}`);
    }
    if (segments.count === MOST_SEGMENTS) {
      throw new DumpFormatError(
        stream.name,
        `its flattened stream has more than ${MOST_SEGMENTS} segments: put it together with makedumpfile -R`,
      );
    }
    if (sizeBytes > 0) segments.add(Number(start), place, sizeBytes);
    at = place + sizeBytes;
  }
  throw new DumpFormatError(stream.name, 'its flattened stream has no end: it was cut off');
}

/** In the order of the file that they make. One that was written again is as it was written last. */
function sortSegments(segments: Segments, file: string): Segments {
  const order = Uint32Array.from({ length: segments.count }, (_, at) => at);
  order.sort((one, other) => segments.startOf(one) - segments.startOf(other) || one - other);
  const sorted = new Segments(segments.count);
  let end = 0;
  order.forEach((at, index) => {
    const next = order[index + 1];
    const start = segments.startOf(at);
    const sizeBytes = segments.sizeOf(at);
    const isWrittenAgain = next !== undefined && segments.startOf(next) === start && segments.sizeOf(next) >= sizeBytes;
    if (isWrittenAgain) return;
    if (start < end) {
      throw new DumpFormatError(file, `segments of its flattened stream overlap at byte ${start}`);
    }
    sorted.add(start, segments.placeOf(at), sizeBytes);
    end = start + sizeBytes;
  });
  return sorted;
}
