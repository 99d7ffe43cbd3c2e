import { type Token, tokenize } from './tokenize.ts';

export type FaultKind =
  | 'comparison'
  | 'logic'
  | 'arithmetic'
  | 'constant'
  | 'dropped call'
  | 'dropped await'
  | 'early return';

/** A single small change of a compiled file that is still a program. */
export interface Fault {
  readonly kind: FaultKind;
  /** In the file's text. */
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
}

const COMPARISONS: Readonly<Record<string, string>> = {
  '===': '!==',
  '!==': '===',
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
};
// What stands before ?? is seldom false and not nullish: || would mostly change nothing.
const LOGIC: Readonly<Record<string, string>> = { '&&': '||', '||': '&&', '??': '&&' };
const ARITHMETIC: Readonly<Record<string, string>> = {
  '+': '-',
  '-': '+',
  '*': '/',
  '/': '*',
  '%': '*',
  '&': '|',
  '|': '&',
  '^': '&',
  '<<': '>>',
  '>>': '<<',
  '>>>': '<<',
  '+=': '-=',
  '-=': '+=',
  '|=': '&=',
  '&=': '|=',
};
/** What may stand before an operator that has two sides. */
const ENDS_OPERAND = new Set([')', ']']);
const NO_OPERAND = new Set([
  'function',
  'return',
  'typeof',
  'case',
  'in',
  'of',
  'await',
  'yield',
  'new',
  'delete',
  'void',
  'else',
  'throw',
]);

/** A statement that is one call, on a line of its own. */
const CALL = /^ +(?:this\.)?[\w$#.?]+\(.*\);$/gm;
/** A line that opens the body of a function or a method. */
const BODY =
  /^(?:export )?(?:async )?function\*? \w+\(.*\) \{$|^ {4}(?:static )?(?:async )?#?(?!if|for|while|switch|catch|constructor)\w+\(.*\) \{$/gm;

/** Where a file begins behind what the compiler has put before it: helpers, such as those for `using`. */
function ownFrom(source: string): number {
  let from = source.startsWith('#!') ? source.indexOf('\n') + 1 : 0;
  while (source.startsWith('var __', from)) {
    const [end] = [source.indexOf('\n};\n', from), source.indexOf('\n});\n', from)]
      .filter((at) => at >= 0)
      .sort((one, other) => one - other);
    if (end === undefined) return from;
    from = source.indexOf('\n', end + 1) + 1;
  }
  return from;
}

/** Every single fault that can be put into a file. Imports and the last comment are left alone. */
export function findFaults(source: string): Fault[] {
  const tokens = tokenize(source);
  const from = ownFrom(source);
  return [
    ...tokens.flatMap((token, at) => faultsOf(token, tokens[at - 1], tokens[at + 1])),
    ...lineFaults(source),
  ].filter(({ start }) => !/^(?:import|export \{|export \*)/.test(lineAt(source, start)) && start >= from);
}

function faultsOf(token: Token, before: Token | undefined, after: Token | undefined): Fault[] {
  const { text, start } = token;
  const replace = (kind: FaultKind, replacement: string): Fault => ({
    kind,
    start,
    end: start + text.length,
    replacement,
  });
  if (token.kind === 'number') return after?.text === ':' ? [] : [replace('constant', otherNumber(text))];
  if (text === 'true') return [replace('constant', 'false')];
  if (text === 'false') return [replace('constant', 'true')];
  if (text === 'await' && before?.text !== 'for') return [replace('dropped await', '')];
  if (token.kind !== 'operator' || !isOperand(before)) {
    return token.kind === 'operator' && text === '!' ? [replace('logic', '')] : [];
  }
  // A shift by nothing has no direction.
  if ((text === '<<' || text === '>>' || text === '>>>') && after?.text === '0') return [];
  const other = ([kind, table]: readonly [FaultKind, Readonly<Record<string, string>>]): Fault[] => {
    const replacement = table[text];
    return replacement === undefined ? [] : [replace(kind, replacement)];
  };
  return (
    [
      ['comparison', COMPARISONS],
      ['logic', LOGIC],
      ['arithmetic', ARITHMETIC],
    ] as const
  ).flatMap(other);
}

function isOperand(token: Token | undefined): boolean {
  if (token === undefined) return false;
  return token.kind === 'operator' ? ENDS_OPERAND.has(token.text) : !NO_OPERAND.has(token.text);
}

function otherNumber(text: string): string {
  if (text.endsWith('n')) return `${BigInt(text.slice(0, -1).replaceAll('_', '')) + 1n}n`;
  return String(Number(text.replaceAll('_', '')) + 1);
}

function lineFaults(source: string): Fault[] {
  const calls = [...source.matchAll(CALL)].filter(([line]) => !/\b(?:super|return|throw)\b/.test(line));
  const dropped = calls.map(([line], at): Fault => {
    const start = calls[at]?.index ?? 0;
    return { kind: 'dropped call', start, end: start + line.length, replacement: '' };
  });
  const early = [...source.matchAll(BODY)].map(({ 0: line, index }): Fault => {
    const end = index + line.length;
    return { kind: 'early return', start: end, end, replacement: ' return;' };
  });
  return [...dropped, ...early];
}

/** The line around a place. */
export function lineAt(source: string, offset: number): string {
  const start = source.lastIndexOf('\n', offset - 1) + 1;
  const end = source.indexOf('\n', offset);
  return source.slice(start, end < 0 ? undefined : end);
}

export function withFault(source: string, { start, end, replacement }: Fault): string {
  return source.slice(0, start) + replacement + source.slice(end);
}
