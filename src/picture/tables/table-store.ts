import { ByteReader } from '../container/byte-reader.ts';
import { PictureError } from '../errors.ts';
import { RUN, USE } from './encode-tables.ts';
import { EntryColumns } from './entry-runs.ts';

const ENTRIES = 512;
const WORDS = 1024;
/** Tables that are kept as words: 16 MB. A walk and an enumeration come back to those above soon, to the last ones seldom. */
const MOST_KEPT = 4096;
/** Of an entry of a `Map` of numbers, roughly. */
const START_BYTES = 48;
const USE_OF_KIND = [0, 1, 3] as const;

/** Pages of tables out of `encodeTables`, each made into words when it is asked for. @internal */
export class TableStore {
  readonly #bytes: Uint8Array;
  readonly #starts = new Map<number, number>();
  readonly #kept = new Map<number, Int32Array>();
  readonly #columns = new EntryColumns();

  /** @throws PictureError when the tables were cut off. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    const reader = new ByteReader(bytes);
    let next = 0;
    while (!reader.isAtEnd) {
      const page = next + reader.number();
      const lengthBytes = reader.number();
      this.#starts.set(page, reader.position);
      reader.skip(lengthBytes);
      next = page + 1;
    }
  }

  get size(): number {
    return this.#starts.size;
  }

  /** What it takes besides the bytes that it was made of. */
  get keptBytes(): number {
    return this.#kept.size * WORDS * 4 + this.#starts.size * START_BYTES;
  }

  /** Forgets words that can be made again. */
  rest(): void {
    this.#kept.clear();
  }

  /** The 1024 words of a page; null where it was not kept, as it is no table or no memory holds it. */
  readonly words = (page: number): Int32Array | null => {
    const known = this.#kept.get(page);
    if (known !== undefined) return known;
    const start = this.#starts.get(page);
    if (start === undefined) return null;
    const words = this.#read(new ByteReader(this.#bytes, start));
    this.#kept.set(page, words);
    if (this.#kept.size > MOST_KEPT) {
      const [oldest] = this.#kept.keys();
      if (oldest !== undefined) this.#kept.delete(oldest);
    }
    return words;
  };

  #read(reader: ByteReader): Int32Array {
    const columns = this.#columns;
    columns.frames.fill(0);
    columns.flags.fill(0);
    columns.use.fill(0);
    const used: number[] = [];
    let expected = 0;
    let flags = 0;
    for (let at = 0; at < ENTRIES; ) {
      const head = reader.number();
      const count = Math.floor(head / 4) + 1;
      const kind = head % 4;
      if (at + count > ENTRIES) throw new PictureError('a table of the picture has more than 512 entries');
      if (kind !== RUN.empty) {
        const frame = expected + reader.signed();
        flags ^= reader.number();
        const step = kind === RUN.stride ? reader.signed() : kind === RUN.nextPage ? 1 : 0;
        for (let each = 0; each < count; each += 1) {
          columns.frames[at + each] = frame + each * step;
          columns.flags[at + each] = flags;
          used.push(at + each);
        }
        expected = frame + (kind === RUN.same ? count : count * step);
      }
      at += count;
    }
    this.#readUse(reader, used);
    const words = new Int32Array(WORDS);
    columns.write(words);
    return words;
  }

  #readUse(reader: ByteReader, used: readonly number[]): void {
    const kind = reader.byte();
    let four = 0;
    used.forEach((at, nth) => {
      if (kind !== USE.each) {
        this.#columns.use[at] = USE_OF_KIND[kind] ?? 0;
        return;
      }
      if (nth % 4 === 0) four = reader.byte();
      this.#columns.use[at] = (four >> (2 * (nth % 4))) & 3;
    });
  }
}
