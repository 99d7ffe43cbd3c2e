import { MonitorTextError } from '../errors.ts';
import { splitLines, type TextLine } from './lines.ts';

/** An object in QEMU. @public */
export interface QomNode {
  /** From the root that was asked for: `/machine/peripheral/disk0`. */
  readonly path: string;
  readonly type: string;
}

const COMMAND_LINE = 'info qom-tree';
const INDENT = 2;

/**
 * Reads `info qom-tree /`, which lists every object of the machine, each behind its parent:
 *
 * ```
 * / (container)
 *   /machine (pc-i440fx-7.2-machine)
 *     /peripheral (container)
 *       /disk0 (nvme)
 * ```
 *
 * @throws MonitorTextError (`ERR_QMP_MONITOR_TEXT`) naming the line that cannot be read, or when there is none.
 * @public
 */
export function parseQomTree(text: string): readonly QomNode[] {
  const names: string[] = [];
  const nodes = splitLines(COMMAND_LINE, text).flatMap((line) => {
    if (line.text.trim() === '') return [];
    const { depth, name, type } = readLine(line);
    if (depth > names.length) throw line.error('this has no parent');
    names.length = depth;
    names.push(name === '/' ? '' : name);
    return { path: names.join('') || '/', type };
  });
  if (nodes.length === 0) throw new MonitorTextError(COMMAND_LINE, 'there is no object in it');
  return nodes;
}

/** A name may contain anything, a type no parenthesis: it is what the last one opens. */
function readLine(line: TextLine): { readonly depth: number; readonly name: string; readonly type: string } {
  const { text } = line;
  const start = text.length - text.trimStart().length;
  const open = text.lastIndexOf(' (');
  if (start % INDENT !== 0 || text[start] !== '/' || open <= start || !text.endsWith(')')) {
    throw line.error('this is no object');
  }
  return { depth: start / INDENT, name: text.slice(start, open), type: text.slice(open + 2, -1) };
}
