/** A piece of compiled JavaScript that is neither space nor comment. */
export interface Token {
  readonly kind: 'word' | 'number' | 'operator' | 'text';
  readonly text: string;
  readonly start: number;
}

/** Longest first: the first that fits is meant. */
const OPERATORS = [
  ...['>>>=', '===', '!==', '>>>', '**=', '<<=', '>>=', '&&=', '||=', '??=', '...', '=>', '==', '!=', '<=', '>=', '&&'],
  ...['||', '??', '++', '--', '+=', '-=', '*=', '/=', '%=', '&=', '|=', '^=', '<<', '>>', '**', '?.'],
];

const SPACE = /\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\//y;
const WORD = /[A-Za-z_$#][\w$]*/y;
const NUMBER = /0[xbo][\da-fA-F_]+n?|\d[\d_]*(?:\.\d+)?(?:e[+-]?\d+)?n?/y;
const STRING = /'(?:[^'\\\n]|\\[\s\S])*'|"(?:[^"\\\n]|\\[\s\S])*"/y;
const EXPRESSION = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;
/** After these a slash begins a regular expression, and is no division. */
const BEFORE_EXPRESSION = new Set([
  '(',
  ',',
  '=',
  ':',
  '[',
  '!',
  '&&',
  '||',
  '??',
  '?',
  '{',
  '}',
  ';',
  '=>',
  'return',
  '',
]);

/** Takes JavaScript as the compiler prints it apart. What is inside template strings is code as well. */
export function tokenize(source: string): Token[] {
  return new Tokenizer(source).run();
}

class Tokenizer {
  readonly #source: string;
  readonly #tokens: Token[] = [];
  /** How deep in braces each template string was left for an expression. */
  readonly #templates: number[] = [];
  #at = 0;
  #braces = 0;

  constructor(source: string) {
    this.#source = source;
  }

  run(): Token[] {
    while (this.#at < this.#source.length) this.#step();
    return this.#tokens;
  }

  #step(): void {
    if (this.#skip(SPACE)) return;
    const character = this.#source[this.#at];
    if (character === '`') {
      this.#at += 1;
      this.#template();
    } else if (character === '}' && this.#templates.at(-1) === this.#braces) {
      this.#templates.pop();
      this.#at += 1;
      this.#template();
    } else if (
      !(
        this.#take(STRING, 'text') ||
        this.#takeExpression() ||
        this.#take(WORD, 'word') ||
        this.#take(NUMBER, 'number')
      )
    ) {
      this.#operator();
    }
  }

  /** To the end of a template string, or to the code inside. */
  #template(): void {
    const source = this.#source;
    for (; this.#at < source.length; this.#at += 1) {
      if (source[this.#at] === '\\') this.#at += 1;
      else if (source[this.#at] === '`') {
        this.#at += 1;
        this.#tokens.push({ kind: 'text', text: '`', start: this.#at - 1 });
        return;
      } else if (source.startsWith('${', this.#at)) {
        this.#at += 2;
        this.#templates.push(this.#braces);
        this.#tokens.push({ kind: 'operator', text: '(', start: this.#at - 1 });
        return;
      }
    }
  }

  #operator(): void {
    const source = this.#source;
    const text = OPERATORS.find((operator) => source.startsWith(operator, this.#at)) ?? source[this.#at] ?? '';
    if (text === '{') this.#braces += 1;
    if (text === '}') this.#braces -= 1;
    this.#tokens.push({ kind: 'operator', text, start: this.#at });
    this.#at += text.length;
  }

  #takeExpression(): boolean {
    return BEFORE_EXPRESSION.has(this.#tokens.at(-1)?.text ?? '') && this.#take(EXPRESSION, 'text');
  }

  #skip(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source);
    if (found === null) return false;
    this.#at += found[0].length;
    return true;
  }

  #take(pattern: RegExp, kind: Token['kind']): boolean {
    const start = this.#at;
    if (!this.#skip(pattern)) return false;
    this.#tokens.push({ kind, text: this.#source.slice(start, this.#at), start });
    return true;
  }
}
