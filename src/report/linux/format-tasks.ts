import type { LinuxTask } from '../../linux/index.ts';
import type { Style } from '../style.ts';
import { formatHex } from '../words/format-hex.ts';
import { formatSize } from '../words/format-size.ts';
import { printable } from './printable.ts';

const HEADINGS = ['PID', 'TGID', 'S', 'CR3', 'user CR3', 'RSS', 'name'] as const;
/** These are text, and stand at the left of their column. */
const LEFT = new Set<string>(['S', 'name']);
const PAGE_BYTES = 4096n;

/**
 * Processes as a table.
 *
 * @returns lines, each with its line end
 * @public
 */
export function formatTasks(tasks: readonly LinuxTask[], style: Style): string {
  // Without page-table isolation there is one root for both modes.
  const hasUserRoots = tasks.some(({ userCr3 }) => userCr3 !== null);
  const headings = HEADINGS.filter((heading) => hasUserRoots || heading !== 'user CR3');
  const rows = tasks.map((task) => columnsOf(task, hasUserRoots));
  const widths = headings.map((heading, at) => Math.max(heading.length, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((text, at) => (LEFT.has(headings[at] ?? '') ? text.padEnd(widths[at] ?? 0) : text.padStart(widths[at] ?? 0)))
      .join('  ')
      .trimEnd();
  return [style.faint(line(headings)), ...rows.map(line)].map((text) => `${text}\n`).join('');
}

function columnsOf(
  { pid, tgid, state, cr3, userCr3, residentPages, comm, mm }: LinuxTask,
  hasUserRoots: boolean,
): string[] {
  const root = (value: bigint | null): string => (value === null ? '-' : formatHex(value));
  return [
    String(pid),
    String(tgid),
    state,
    root(cr3),
    ...(hasUserRoots ? [root(userCr3)] : []),
    residentPages === null ? '-' : formatSize(BigInt(residentPages) * PAGE_BYTES),
    printable(mm === null ? `[${comm}]` : comm),
  ];
}

/** A process as a JSON object. @public */
export function encodeTask({ pid, tgid, comm, state, address, mm, cr3, userCr3, residentPages }: LinuxTask): string {
  const hex = (value: bigint | null): string | null => (value === null ? null : formatHex(value));
  return JSON.stringify({
    pid,
    tgid,
    comm,
    state,
    cr3: hex(cr3),
    userCr3: hex(userCr3),
    residentPages,
    task: formatHex(address),
    mm: hex(mm),
  });
}
