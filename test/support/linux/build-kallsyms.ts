/** A symbol to be put into a table; a per-CPU one has an offset for an address. */
export interface BuiltSymbol {
  readonly name: string;
  readonly type: string;
  readonly address: bigint;
  readonly perCpu?: boolean;
}

/** What a table is to look like. */
export interface KallsymsShape {
  readonly form: 'base-and-per-cpu' | 'base' | 'place';
  readonly order: 'addresses-first' | 'names-first';
  readonly wordBytes: 4 | 8;
  /** 3-byte sequence numbers between markers and tokens. */
  readonly hasSequences?: boolean;
}

/** Tokens of more than one character, as scripts/kallsyms.c finds the most frequent ones. */
const LONG_TOKENS = ['sys_', '__x64_', 'init', 'tion_', 'read', 'handler_of_something_with_a_long_name_'];
const FIRST_LONG_TOKEN = 0xa0;

/**
 * The tables that scripts/kallsyms.c of a kernel makes, by that script's own description of them, in the middle of other bytes.
 *
 * @param base - the address of the first byte
 */
export function buildKallsyms(symbols: readonly BuiltSymbol[], base: bigint, shape: KallsymsShape): Uint8Array {
  const { wordBytes, order, hasSequences = false } = shape;
  const tokens = tokenList();
  const names = symbols.map(({ name, type }) => packName(`${type}${name}`, tokens));
  const bytes = new Writer(wordBytes, base);
  bytes.fill(4096, 0xcc);
  if (order === 'addresses-first') {
    writeAddresses(bytes, symbols, shape);
  }
  bytes.align();
  bytes.u32(symbols.length);
  bytes.align();
  const start = bytes.length;
  const markers: number[] = [];
  names.forEach((packed, index) => {
    if (index % 256 === 0) markers.push(bytes.length - start);
    bytes.bytes(packed);
  });
  bytes.align();
  for (const marker of markers) bytes.u32(marker);
  bytes.align();
  if (hasSequences) for (let index = 0; index < symbols.length; index += 1) bytes.bytes([0, index >> 8, index & 0xff]);
  bytes.align();
  const index: number[] = [];
  const table = bytes.length;
  for (const token of tokens) {
    index.push(bytes.length - table);
    bytes.bytes([...Buffer.from(`${token}\0`, 'latin1')]);
  }
  bytes.align();
  for (const place of index) bytes.bytes([place & 0xff, place >> 8]);
  bytes.align();
  if (order === 'names-first') writeAddresses(bytes, symbols, shape);
  bytes.fill(4096, 0x41);
  return bytes.toBytes();
}

function writeAddresses(bytes: Writer, symbols: readonly BuiltSymbol[], { form }: KallsymsShape): void {
  bytes.align();
  const base = symbols
    .filter(({ perCpu }) => !perCpu)
    .reduce((least, { address }) => (address < least ? address : least), 1n << 64n);
  for (const { address, perCpu } of symbols) {
    if (form === 'place') bytes.u32(Number(BigInt.asUintN(32, address - bytes.address)));
    else if (form === 'base') bytes.u32(Number(address - base));
    else bytes.u32(Number(BigInt.asUintN(32, perCpu ? address : base - 1n - address)));
  }
  bytes.align();
  if (form !== 'place') bytes.word(base);
}

function tokenList(): readonly string[] {
  return Array.from({ length: 256 }, (_, code) => {
    const long = LONG_TOKENS[code - FIRST_LONG_TOKEN];
    return long ?? (/[\w.$]/.test(String.fromCharCode(code)) && code < 128 ? String.fromCharCode(code) : '');
  });
}

function packName(text: string, tokens: readonly string[]): number[] {
  const packed: number[] = [];
  for (let at = 0; at < text.length; ) {
    const long = LONG_TOKENS.find((token) => text.startsWith(token, at));
    const token = long ?? text.charAt(at);
    packed.push(tokens.indexOf(token));
    at += token.length;
  }
  const { length } = packed;
  return length < 128 ? [length, ...packed] : [(length & 0x7f) | 0x80, length >> 7, ...packed];
}

class Writer {
  readonly #bytes: number[] = [];
  readonly #wordBytes: 4 | 8;
  readonly #base: bigint;

  constructor(wordBytes: 4 | 8, base: bigint) {
    this.#wordBytes = wordBytes;
    this.#base = base;
  }

  get length(): number {
    return this.#bytes.length;
  }

  get address(): bigint {
    return this.#base + BigInt(this.length);
  }

  bytes(bytes: readonly number[]): void {
    for (const byte of bytes) this.#bytes.push(byte);
  }

  u32(value: number): void {
    this.bytes([value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24]);
  }

  word(value: bigint): void {
    this.u32(Number(value & 0xffff_ffffn));
    if (this.#wordBytes === 8) this.u32(Number(value >> 32n));
  }

  align(): void {
    while (this.length % this.#wordBytes !== 0) this.bytes([0]);
  }

  fill(count: number, byte: number): void {
    for (let done = 0; done < count; done += 1) this.bytes([byte]);
  }

  toBytes(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}
