import type { TraceRecord } from '../../../protocols/transport/index.ts';

/** What is kept of what travelled: its end. */
const MOST_RECORDS = 10_000;
const MOST_CHARS = 4 * 1024 * 1024;

/** The end of what travels to a guest and back, for when something fails. @internal */
export class WireRecorder {
  readonly #records: (TraceRecord | undefined)[] = [];
  #first = 0;
  #chars = 0;

  readonly sink = (record: TraceRecord): void => {
    this.#records.push(record);
    this.#chars += record.text.length;
    while (this.#records.length - this.#first > MOST_RECORDS || this.#chars > MOST_CHARS) {
      this.#chars -= this.#records[this.#first]?.text.length ?? 0;
      // Dropped from the list later, and from memory now.
      this.#records[this.#first] = undefined;
      this.#first += 1;
    }
    // Dropped by the thousand: one by one each would move all others.
    if (this.#first < MOST_RECORDS) return;
    this.#records.splice(0, this.#first);
    this.#first = 0;
  };

  /** A JSON object a line, as `--trace` writes them. */
  toLines(): string {
    return this.#records
      .slice(this.#first)
      .map((record) => `${JSON.stringify(record)}\n`)
      .join('');
  }
}
