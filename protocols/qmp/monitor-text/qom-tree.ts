import { MonitorTextError } from '../errors.ts';
import { TextLines } from './lines.ts';

/** An object in QEMU. @public */
export interface QomNode {
  /** From the root that was asked for: `/machine/peripheral/disk0`. */
  readonly path: string;
  readonly type: string;
}

const COMMAND_LINE = 'info qom-tree';
const INDENT = 2;
/** Machines have less than a dozen levels, and some ten objects for each vCPU and pin of an interrupt controller. */
const MAX_DEPTH = 64;
const MAX_NODES = 262_144;

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
  const nodes: QomNode[] = [];
  const names: string[] = [];
  const line = new TextLines(COMMAND_LINE, text);
  while (line.next()) {
    if (line.text.trim() === '') continue;
    const { depth, name, type } = readLine(line);
    if (depth > names.length) throw line.error('this has no parent');
    if (depth > MAX_DEPTH) throw line.error(`this lies behind more than ${MAX_DEPTH} others`);
    if (nodes.length === MAX_NODES) throw line.error(`there are more than ${MAX_NODES} objects in it`);
    names.length = depth;
    names.push(name === '/' ? '' : name);
    nodes.push({ path: names.join('') || '/', type });
  }
  if (nodes.length === 0) throw new MonitorTextError(COMMAND_LINE, 'there is no object in it');
  return nodes;
}

/** A name may contain anything, a type no parenthesis: it is what the last one opens. */
function readLine(line: TextLines): { readonly depth: number; readonly name: string; readonly type: string } {
  const { text } = line;
  const start = text.length - text.trimStart().length;
  const open = text.lastIndexOf(' (');
  if (start % INDENT !== 0 || text[start] !== '/' || open <= start || !text.endsWith(')')) {
    throw line.error('this is no object');
  }
  return { depth: start / INDENT, name: text.slice(start, open), type: text.slice(open + 2, -1) };
}
