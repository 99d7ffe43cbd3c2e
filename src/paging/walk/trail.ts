/** Entries that walks were fed: their halves. @internal */
export class Trail {
  readonly lows: Int32Array;
  readonly highs: Int32Array;

  /** @param length - how many entries there is room for */
  constructor(length: number) {
    this.lows = new Int32Array(length);
    this.highs = new Int32Array(length);
  }
}
