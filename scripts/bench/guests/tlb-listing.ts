/** `16 digits: 16 digits 9 flags\r\n`. monitor.c of target/i386, print_pte(). */
const LINE_CHARS = 46;
const PHYSICAL_AT = 18;
const FLAGS_AT = 35;
const FLAGS = 9;

/** What `info tlb` says, understood: page n is mapped at linear address `linear(n)`. */
export class TlbListing {
  readonly length: number;
  readonly #linearHigh: Int32Array;
  readonly #linearLow: Int32Array;
  /** Guest physical addresses. */
  readonly physical: Float64Array;
  /** A bit for each flag that is shown as a letter: from bit 0 on XGPDACTUW. */
  readonly flags: Uint16Array;

  /** @param text - with `\r\n` at line ends, as QMP gives it */
  constructor(text: string) {
    const count = Math.floor(text.length / LINE_CHARS);
    this.length = count;
    this.#linearHigh = new Int32Array(count);
    this.#linearLow = new Int32Array(count);
    this.physical = new Float64Array(count);
    this.flags = new Uint16Array(count);
    for (let line = 0, at = 0; line < count; line += 1, at += LINE_CHARS) {
      this.#linearHigh[line] = eightDigits(text, at);
      this.#linearLow[line] = eightDigits(text, at + 8);
      const physicalAt = at + PHYSICAL_AT;
      this.physical[line] = eightDigits(text, physicalAt) * 2 ** 32 + (eightDigits(text, physicalAt + 8) >>> 0);
      this.flags[line] = flagBits(text, at + FLAGS_AT);
    }
  }

  linear(line: number): bigint {
    const high = BigInt((this.#linearHigh[line] ?? 0) >>> 0);
    return (high << 32n) | BigInt((this.#linearLow[line] ?? 0) >>> 0);
  }
}

function eightDigits(text: string, from: number): number {
  let value = 0;
  for (let at = from; at < from + 8; at += 1) {
    const code = text.charCodeAt(at);
    // 0 to 9 are 0x30 to 0x39, a to f are 0x61 to 0x66.
    value = (value << 4) | (code < 0x40 ? code - 0x30 : code - 0x57);
  }
  return value;
}

function flagBits(text: string, from: number): number {
  let bits = 0;
  for (let flag = 0; flag < FLAGS; flag += 1) {
    if (text.charCodeAt(from + flag) !== 0x2d) bits |= 1 << flag;
  }
  return bits;
}
