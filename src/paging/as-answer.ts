import { formatHex } from './format-hex.ts';

/** Where Node, and chai's messages, look for a form for people. */
const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/** A bigint as an inspection shows it: addresses are read in hexadecimal. */
class ShownBigint {
  readonly #text: string;

  constructor(value: bigint) {
    this.#text = `${formatHex(value)}n`;
  }

  [INSPECT](_depth: number, { stylize }: { readonly stylize?: (text: string, type: string) => string }): string {
    return stylize ? stylize(this.#text, 'bigint') : this.#text;
  }
}

/** What takes the place of what is to be shown in another way. */
interface Replacements {
  bigint(value: bigint): unknown;
  bytes(value: ArrayBufferView): unknown;
}

const FOR_JSON: Replacements = {
  bigint: (value) => formatHex(value),
  bytes: (value) => Array.from(value as unknown as Iterable<unknown>),
};

const FOR_PEOPLE: Replacements = { bigint: (value) => new ShownBigint(value), bytes: (value) => value };

/** A copy of plain data with replacements for what is in it. */
function convert(value: unknown, replace: Replacements): unknown {
  if (typeof value === 'bigint') return replace.bigint(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((each) => convert(each, replace));
  if (ArrayBuffer.isView(value)) return replace.bytes(value);
  const prototype: unknown = Object.getPrototypeOf(value);
  // What is no plain data has forms of its own.
  if (prototype !== Object.prototype && !isAnswer(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, convert(each, replace)]));
}

function isAnswer(value: object): boolean {
  return Object.prototype.isPrototypeOf.call(ANSWER, value);
}

const hidden = (value: unknown): PropertyDescriptor => ({
  value,
  enumerable: false,
  writable: true,
  configurable: true,
});

/** No constructor of its own: to those who compare types an answer is an object like any other. */
const ANSWER: object = Object.create(Object.prototype, {
  toJSON: hidden(function toJson(this: object): unknown {
    return convert(this, FOR_JSON);
  }),
  [INSPECT]: hidden(function inspect(this: object): unknown {
    return convert(this, FOR_PEOPLE);
  }),
});

/** An answer that is made by the hundred thousand, by a class: `asAnswer` takes a third as long again. @internal */
export abstract class Answer {}
Object.setPrototypeOf(Answer.prototype, ANSWER);

/**
 * Makes plain data into an answer: the same data, which `JSON.stringify` takes (bigints become `0x…` texts), and which is shown with
 * addresses in hexadecimal. Deep comparisons see its fields and nothing else.
 *
 * @param fields - becomes the answer; make it for this call
 * @internal
 */
export function asAnswer<T extends object>(fields: T): T {
  return Object.setPrototypeOf(fields, ANSWER) as T;
}
