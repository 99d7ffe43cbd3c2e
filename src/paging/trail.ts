/** Entries that walks were fed: where each lies, and its halves. @internal */
export class Trail {
  readonly addresses: Float64Array;
  readonly lows: Int32Array;
  readonly highs: Int32Array;

  /** @param length - how many entries there is room for */
  constructor(length: number) {
    this.addresses = new Float64Array(length);
    this.lows = new Int32Array(length);
    this.highs = new Int32Array(length);
  }
}
