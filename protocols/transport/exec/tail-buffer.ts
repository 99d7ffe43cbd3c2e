/** The last characters of a text that may be endless. @internal */
export class TailBuffer {
  readonly #limit: number;
  #text = '';

  constructor(limit: number) {
    this.#limit = limit;
  }

  push(text: string): void {
    this.#text = (this.#text + text).slice(-this.#limit);
  }

  text(): string {
    return this.#text;
  }
}
