/** A sink that looks for something: a table below which there is none has none wherever it is used. @internal */
export abstract class HitSink {
  /** How often it was found. */
  protected hits = 0;
  readonly #hitsBefore: number[] = [];

  enterTable(): void {
    this.#hitsBefore.push(this.hits);
  }

  leaveTable(): true | null {
    return this.#hitsBefore.pop() === this.hits ? true : null;
  }

  applySummary(): void {
    // Nothing to be found there.
  }
}
