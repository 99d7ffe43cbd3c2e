import { printableText } from '../../transport/internal.ts';

/** One start or end tag. Text between tags is given with the tag that ends it. @internal */
export type XmlToken =
  | {
      readonly kind: 'open';
      readonly name: string;
      readonly attributes: ReadonlyMap<string, string>;
    }
  | { readonly kind: 'close'; readonly name: string; readonly text: string };

/** A text that is not well-formed, or uses more of XML than target descriptions do. @internal */
export class XmlSyntaxError extends Error {
  override readonly name = 'XmlSyntaxError';
  readonly code = 'ERR_GDB_XML_SYNTAX';
  readonly offset: number;

  constructor(problem: string, offset: number) {
    super(`${printableText(problem)} at character ${offset}`);
    this.offset = offset;
  }
}

/** QEMU's files are four deep. */
const MAX_DEPTH = 64;

const TAG_NAME = /[A-Za-z_][\w:.-]*/y;
const ATTRIBUTE = /\s+([A-Za-z_][\w:.-]*)\s*=\s*(?:"([^"<]*)"|'([^'<]*)')/y;
const TAG_END = /\s*(\/?)>/y;
const CLOSE_END = /\s*>/y;
// An internal subset could define entities; no stub sends one.
const DOCTYPE = /<!DOCTYPE[^<>[\]]*>/y;
const MAX_ENTITY_CHARS = 8;
const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['apos', "'"],
  ['gt', '>'],
  ['lt', '<'],
  ['quot', '"'],
]);

/**
 * Splits the subset of XML that target descriptions use into tags, and checks that they nest. Comments are skipped as a
 * whole: QEMU's register files have `<reg .../>` inside of comments, which must not be counted.
 *
 * @throws {@link XmlSyntaxError}.
 * @internal
 */
export function* readXmlTokens(source: string): Generator<XmlToken> {
  const open: string[] = [];
  let at = 0;
  let text = '';
  while (at < source.length) {
    const next = source.indexOf('<', at);
    text += source.slice(at, next < 0 ? source.length : next);
    if (next < 0) break;
    at = next;
    const skipped = skipMarkup(source, at);
    if (skipped !== undefined) {
      at = skipped;
    } else if (source.startsWith('</', at)) {
      const name = match(TAG_NAME, source, at + 2, 'end tag without a name')[0];
      if (open.pop() !== name) throw new XmlSyntaxError(`end tag '${name}' closes nothing`, at);
      at += 2 + name.length;
      at += match(CLOSE_END, source, at, `unfinished end tag '${name}'`)[0].length;
      yield { kind: 'close', name, text: decodeEntities(text, at).trim() };
      text = '';
    } else {
      const tag = readOpenTag(source, at);
      if (open.length === 0 && text.trim() !== '') throw new XmlSyntaxError('text outside of the document', at);
      at = tag.end;
      yield { kind: 'open', name: tag.name, attributes: tag.attributes };
      if (tag.isEmpty) yield { kind: 'close', name: tag.name, text: '' };
      else if (open.push(tag.name) > MAX_DEPTH) throw new XmlSyntaxError(`tags nested more than ${MAX_DEPTH} deep`, at);
      text = '';
    }
  }
  const unclosed = open.pop();
  if (unclosed !== undefined) throw new XmlSyntaxError(`tag '${unclosed}' is not closed`, source.length);
  if (text.trim() !== '') throw new XmlSyntaxError('text outside of the document', source.length);
}

/** The index behind a comment, a declaration or the document type; undefined if none begins here. */
function skipMarkup(source: string, at: number): number | undefined {
  if (source.startsWith('<!--', at)) return endOf(source, '-->', at, 4, 'unfinished comment');
  if (source.startsWith('<?', at)) return endOf(source, '?>', at, 2, 'unfinished declaration');
  if (source.startsWith('<!', at)) return at + match(DOCTYPE, source, at, 'unknown declaration')[0].length;
  return undefined;
}

function endOf(source: string, mark: string, start: number, skip: number, problem: string): number {
  const end = source.indexOf(mark, start + skip);
  if (end < 0) throw new XmlSyntaxError(problem, start);
  return end + mark.length;
}

function readOpenTag(source: string, start: number) {
  const name = match(TAG_NAME, source, start + 1, 'tag without a name')[0];
  const attributes = new Map<string, string>();
  let at = start + 1 + name.length;
  for (;;) {
    ATTRIBUTE.lastIndex = at;
    const found = ATTRIBUTE.exec(source);
    if (found === null) break;
    const key = found[1] as string;
    if (attributes.has(key)) throw new XmlSyntaxError(`attribute '${key}' twice`, at);
    attributes.set(key, decodeEntities(found[2] ?? found[3] ?? '', at));
    at += found[0].length;
  }
  const end = match(TAG_END, source, at, `unfinished tag '${name}'`);
  return { name, attributes, isEmpty: end[1] === '/', end: at + end[0].length };
}

function match(pattern: RegExp, source: string, at: number, problem: string): RegExpExecArray {
  pattern.lastIndex = at;
  const found = pattern.exec(source);
  if (found === null) throw new XmlSyntaxError(problem, at);
  return found;
}

function decodeEntities(text: string, at: number): string {
  let decoded = '';
  let done = 0;
  for (let start = text.indexOf('&'); start >= 0; start = text.indexOf('&', done)) {
    const name = text.slice(start + 1, start + 1 + MAX_ENTITY_CHARS).split(';', 1)[0] ?? '';
    const character = ENTITIES.get(name);
    const isEnded = text[start + 1 + name.length] === ';';
    if (character === undefined || !isEnded) throw new XmlSyntaxError(`unknown entity '&${name}'`, at);
    decoded += `${text.slice(done, start)}${character}`;
    done = start + name.length + 2;
  }
  return `${decoded}${text.slice(done)}`;
}
