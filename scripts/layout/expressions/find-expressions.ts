/** A regular expression written as a literal. */
export interface Expression {
  readonly pattern: string;
  readonly flags: string;
  /** Of its first `/` in the text. */
  readonly index: number;
}

/** What a value can end with: behind it `/` divides. */
const ENDS_VALUE = /[\w$)\]}"'`]$/;
/** Words behind which a value begins all the same. */
const BEFORE_VALUE = /(?:^|[^\w$.])(?:return|typeof|case|in|of|void|throw|new|delete|yield|await|else|do)$/;

/** Finds the regular expressions of a TypeScript text, passing over comments, strings and templates. */
export function findExpressions(text: string): Expression[] {
  const found: Expression[] = [];
  // For each template that is open, how many braces are open in its current `${`.
  const templates: number[] = [];
  let code = '';
  let at = 0;
  while (at < text.length) {
    const character = text[at] as string;
    const next = text[at + 1];
    if (character === '/' && next === '/') {
      at = indexBehind(text, '\n', at);
    } else if (character === '/' && next === '*') {
      at = indexBehind(text, '*/', at + 2);
    } else if (character === '"' || character === "'") {
      at = endOfString(text, at, character);
      code = character;
    } else if (character === '`' || (character === '}' && templates.at(-1) === 0)) {
      if (character === '}') templates.pop();
      const end = endOfTemplatePart(text, at + 1);
      if (text[end - 1] === '{') templates.push(0);
      code = text[end - 1] === '{' ? '(' : '`';
      at = end;
    } else if (character === '/' && beginsValue(code)) {
      const expression = readExpression(text, at);
      found.push(expression);
      at += expression.pattern.length + 2 + expression.flags.length;
      code = ')';
    } else {
      const braces = templates.at(-1);
      if (braces !== undefined && character === '{') templates[templates.length - 1] = braces + 1;
      if (braces !== undefined && character === '}') templates[templates.length - 1] = braces - 1;
      if (/\S/.test(character)) code = `${code}${character}`.slice(-16);
      else if (/\w$/.test(code)) code = `${code} `.slice(-16);
      at += 1;
    }
  }
  return found;
}

function beginsValue(before: string): boolean {
  const code = before.trimEnd();
  return !ENDS_VALUE.test(code) || BEFORE_VALUE.test(code);
}

function indexBehind(text: string, mark: string, from: number): number {
  const at = text.indexOf(mark, from);
  return at < 0 ? text.length : at + mark.length;
}

function endOfString(text: string, start: number, quote: string): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === quote || text[at] === '\n') return at + 1;
  }
  return text.length;
}

/** Behind the `${` or the backtick that ends a part of a template. */
function endOfTemplatePart(text: string, start: number): number {
  for (let at = start; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '`') return at + 1;
    else if (text.startsWith('${', at)) return at + 2;
  }
  return text.length;
}

function readExpression(text: string, start: number): Expression {
  let inClass = false;
  let at = start + 1;
  for (; at < text.length && text[at] !== '\n'; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '[') inClass = true;
    else if (text[at] === ']') inClass = false;
    else if (text[at] === '/' && !inClass) break;
  }
  const flags = /^[a-z]*/.exec(text.slice(at + 1, at + 16))?.[0] ?? '';
  return { pattern: text.slice(start + 1, at), flags, index: start };
}
