/** A part of a pattern and how often it comes. */
export type PatternItem = {
  readonly least: number;
  readonly most: number;
} & (
  | { readonly kind: 'set'; readonly source: string }
  | { readonly kind: 'group'; readonly alternatives: readonly Sequence[] }
  | { readonly kind: 'start' | 'end' | 'boundary' }
);

export type Sequence = readonly PatternItem[];

/** A pattern uses more than what can be judged here. */
export class PatternError extends Error {}

const ONCE = { least: 1, most: 1 };
const ESCAPE = /\\(?:u\{[0-9a-fA-F]+\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|c[A-Za-z]|[pP]\{[^}]*\}|[^1-9k])/y;
const CLASS = /\[(?:[^\]\\]|\\.)*\]/y;
const COUNT = /\{(\d+)(,?)(\d*)\}/y;

/** Reads a pattern into alternatives. @throws PatternError for look-around and references. */
export function parsePattern(pattern: string): readonly Sequence[] {
  const reader = new PatternReader(pattern);
  const alternatives = reader.alternatives();
  if (!reader.isAtEnd) throw new PatternError('a bracket closes nothing');
  return alternatives;
}

class PatternReader {
  readonly #pattern: string;
  #at = 0;

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#pattern.length;
  }

  alternatives(): Sequence[] {
    const alternatives: PatternItem[][] = [[]];
    while (!this.isAtEnd && this.#pattern[this.#at] !== ')') {
      if (this.#take('|')) alternatives.push([]);
      else alternatives.at(-1)?.push(this.#item());
    }
    return alternatives;
  }

  #item(): PatternItem {
    if (this.#take('^')) return { kind: 'start', ...ONCE };
    if (this.#take('$')) return { kind: 'end', ...ONCE };
    if (this.#take('\\b') || this.#take('\\B')) return { kind: 'boundary', ...ONCE };
    if (this.#take('(')) return this.#group();
    const source = this.#match(CLASS)?.[0] ?? this.#match(ESCAPE)?.[0] ?? this.#character();
    return { kind: 'set', source, ...this.#quantifier() };
  }

  #group(): PatternItem {
    const name = /\?(?::|<[A-Za-z]\w*>)/y;
    if (this.#pattern[this.#at] === '?' && this.#match(name) === null) throw new PatternError('it looks around');
    const alternatives = this.alternatives();
    if (!this.#take(')')) throw new PatternError('a group has no end');
    return { kind: 'group', alternatives, ...this.#quantifier() };
  }

  #character(): string {
    const character = this.#pattern[this.#at] as string;
    if (character === '\\') throw new PatternError('it refers to what was matched before');
    this.#at += 1;
    return /[{}\]/]/.test(character) ? `\\${character}` : character;
  }

  #quantifier(): { least: number; most: number } {
    const count = this.#count();
    // Lazy or greedy: the ways to match are the same ones.
    if (count.least !== count.most) this.#take('?');
    return count;
  }

  #count(): { least: number; most: number } {
    if (this.#take('*')) return { least: 0, most: Number.POSITIVE_INFINITY };
    if (this.#take('+')) return { least: 1, most: Number.POSITIVE_INFINITY };
    if (this.#take('?')) return { least: 0, most: 1 };
    const [, least, comma, most] = this.#match(COUNT) ?? [];
    if (least === undefined) return ONCE;
    if (comma === '') return { least: Number(least), most: Number(least) };
    return { least: Number(least), most: most === '' ? Number.POSITIVE_INFINITY : Number(most) };
  }

  #take(text: string): boolean {
    if (!this.#pattern.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #match(expression: RegExp): RegExpExecArray | null {
    expression.lastIndex = this.#at;
    const found = expression.exec(this.#pattern);
    if (found !== null) this.#at = expression.lastIndex;
    return found;
  }
}
