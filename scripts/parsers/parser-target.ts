/** Makes an input of about so many bytes. */
export type MakeInput = (bytes: number) => Buffer;

/** Something that reads what comes from outside. */
export interface ParserTarget {
  readonly name: string;
  /** Reads it to the end, or throws. */
  readonly read: (input: Buffer) => unknown;
  /** What it is made for, recorded where there are records. */
  readonly seeds: readonly Buffer[];
  /** What it may find hard, each by name. */
  readonly hard: Readonly<Record<string, MakeInput>>;
}

/** A piece again and again, between a beginning and an end. */
export function repeated(piece: string, start = '', end = ''): MakeInput {
  return (bytes) => Buffer.from(`${start}${piece.repeat(Math.ceil(bytes / piece.length))}${end}`, 'latin1');
}

/** Numbered pieces, between a beginning and an end. */
export function numbered(make: (index: number) => string, start = '', end = ''): MakeInput {
  return (bytes) => {
    const pieces = [start];
    for (let length = start.length, index = 0; length < bytes; index++) {
      const piece = make(index);
      pieces.push(piece);
      length += piece.length;
    }
    return Buffer.from(`${pieces.join('')}${end}`, 'latin1');
  };
}

/** A number in hexadecimal with 16 digits. */
export function digits(value: number): string {
  return value.toString(16).padStart(16, '0');
}
