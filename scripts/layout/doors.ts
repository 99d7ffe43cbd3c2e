import { posix } from 'node:path';
import { type Finding, lineAt, type SourceFile } from './source-file.ts';

const DECLARATION =
  /^export (?:declare )?(?:abstract )?(?:async )?(?:class|interface|type|const|let|function\*?|enum) (\w+)/gm;
const RE_EXPORT = /^export (?:type )?(\*|\{[^}]*\}) from '([^']+)';/gm;
const COMMENT_BEFORE = /\/\*\*(?:(?!\*\/)[\s\S])*\*\/\s*$/;
const TAG = /@(public|internal)\b/;
/** The command has no door for users. */
const LAYERS = /^(?:src\/(?!cli\/)|protocols\/)/;

/** One exported declaration. */
interface Declaration {
  readonly path: string;
  readonly line: number;
  readonly name: string;
  readonly tag: string | undefined;
}

/**
 * What is tagged `@public` is exported by a door of the package, what is tagged `@internal` by none: package.json says which
 * files are doors. A door names what it exports. `internal.ts` of a layer is the door for the other layers: nothing in it is for
 * users, nor in the typings, which lack all that is tagged `@internal` (`stripInternal`).
 */
export function checkDoors(files: readonly SourceFile[]): Finding[] {
  const doors = doorsOf(files);
  if (doors.length === 0) return [];
  const sources = new Map(files.flatMap(({ path, text }) => (text === undefined ? [] : [[path, text] as const])));
  const declarations = new Map([...sources].flatMap(([path, text]) => declarationsIn(path, text)));
  const reached = new Set<string>();
  const findings = doors.flatMap((door) => checkDoor(door, sources, declarations, reached));
  for (const [key, { path, line, name, tag }] of declarations) {
    if (tag === undefined)
      findings.push({ path, line, problem: `${name} is exported, and neither @public nor @internal` });
    if (tag === 'public' && !reached.has(key)) {
      findings.push({ path, line, problem: `${name} is @public, and no door of the package exports it` });
    }
  }
  return [...findings, ...[...sources].flatMap(([path, text]) => checkInternal(path, text, declarations))];
}

/** The source files behind `exports` of package.json. */
function doorsOf(files: readonly SourceFile[]): string[] {
  const text = files.find(({ path }) => path === 'package.json')?.text;
  if (text === undefined) return [];
  const { exports = {} } = JSON.parse(text) as { exports?: Readonly<Record<string, string | { default: string }>> };
  return Object.values(exports).flatMap((target) =>
    typeof target === 'string' ? [] : [target.default.replace(/^\.\/dist\//, '').replace(/\.js$/, '.ts')],
  );
}

function declarationsIn(path: string, text: string): [string, Declaration][] {
  if (!LAYERS.test(path) || !path.endsWith('.ts')) return [];
  return [...text.matchAll(DECLARATION)].map((match) => {
    const [comment = ''] = COMMENT_BEFORE.exec(text.slice(0, match.index)) ?? [];
    const [, name = ''] = match;
    const line = lineAt(text, match.index);
    return [`${path}#${name}`, { path, line, name, tag: TAG.exec(comment)?.[1] }];
  });
}

function checkDoor(
  door: string,
  sources: ReadonlyMap<string, string>,
  declarations: ReadonlyMap<string, Declaration>,
  reached: Set<string>,
): Finding[] {
  const text = sources.get(door);
  if (text === undefined) return [{ path: 'package.json', line: 0, problem: `exports ${door}, which does not exist` }];
  return reExportsIn(text).flatMap(({ names, from, line }) => {
    if (names === '*') return [{ path: door, line, problem: 'a door names what it exports' }];
    return names.flatMap((name) => {
      const key = resolveName(`${posix.join(posix.dirname(door), from)}#${name}`, sources, declarations);
      if (key === undefined) return [{ path: door, line, problem: `${name}: no declaration was found` }];
      reached.add(key);
      if (declarations.get(key)?.tag !== 'internal') return [];
      return [{ path: door, line, problem: `${name} is @internal, and this is a door of the package` }];
    });
  });
}

/** What is for the other layers stands there, and says so, so that the typings lack it. */
function checkInternal(path: string, text: string, declarations: ReadonlyMap<string, Declaration>): Finding[] {
  if (!/^(?:src|protocols)\/[^/]+\/internal\.ts$/.test(path)) return [];
  return reExportsIn(text).flatMap(({ names, from, line, comment }) => {
    if (names === '*') {
      return from === './index.ts' ? [] : [{ path, line, problem: `names what it exports of ${from}` }];
    }
    const strays = names.filter((name) => {
      const tag = declarations.get(`${posix.join(posix.dirname(path), from)}#${name}`)?.tag;
      return tag === 'public';
    });
    return [
      ...strays.map((name) => ({ path, line, problem: `${name} is @public: it belongs into index.ts` })),
      ...(comment.includes('@internal') ? [] : [{ path, line, problem: 'lacks /** @internal */ in front of it' }]),
    ];
  });
}

interface ReExport {
  readonly names: '*' | readonly string[];
  readonly from: string;
  readonly line: number;
  readonly comment: string;
}

function reExportsIn(text: string): ReExport[] {
  return [...text.matchAll(RE_EXPORT)].map((match) => {
    const [, what = '', from = ''] = match;
    const [comment = ''] = COMMENT_BEFORE.exec(text.slice(0, match.index)) ?? [];
    return { names: what === '*' ? what : namesIn(what), from, line: lineAt(text, match.index), comment };
  });
}

/** `{ a, type B, c as d }`: the names by which the other file has them. */
function namesIn(braces: string): string[] {
  return braces
    .slice(1, -1)
    .split(',')
    .map(
      (item) =>
        item
          .trim()
          .replace(/^type /, '')
          .split(' as ', 1)[0] ?? '',
    )
    .filter((name) => name !== '');
}

/** Follows a name through files that re-export it. */
function resolveName(
  key: string,
  sources: ReadonlyMap<string, string>,
  declarations: ReadonlyMap<string, Declaration>,
): string | undefined {
  if (declarations.has(key)) return key;
  const [path = '', name = ''] = key.split('#');
  for (const { names, from } of reExportsIn(sources.get(path) ?? '')) {
    if (names !== '*' && !names.includes(name)) continue;
    const found = resolveName(`${posix.join(posix.dirname(path), from)}#${name}`, sources, declarations);
    if (found !== undefined) return found;
  }
  return undefined;
}
