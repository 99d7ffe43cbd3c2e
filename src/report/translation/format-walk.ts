import type { PagingMode, PlannedBits, TableName, WalkStep } from '../../paging/index.ts';
import type { Style } from '../style.ts';
import { entryFlags } from '../words/entry-flags.ts';
import { entryDigits, formatHex } from '../words/format-hex.ts';
import type { ReportedTranslation } from './reported-translation.ts';

const TABLE_OF_LEVEL: Readonly<Record<number, TableName>> = { 1: 'PT', 2: 'PD', 3: 'PDPT', 4: 'PML4', 5: 'PML5' };
const RESPONSIBLE = '◄ responsible';
const INDENT = '   ';

/** One line of the tree, in columns that are yet to be aligned. */
interface Row {
  readonly label: string;
  readonly address: string;
  readonly value: string;
  readonly flags: string;
  /** Bits that were set after the walk. */
  readonly added: string;
  readonly responsible: boolean;
}

/** `PDPTE`: an entry is named after its table. @internal */
export function entryName(level: number): string {
  return `${TABLE_OF_LEVEL[level] ?? `level ${level} `}E`;
}

/** `A`, `D` or both, as far as they were set in this entry. @internal */
export function bitNames(bits: { readonly accessed: boolean; readonly dirty: boolean }): readonly ('A' | 'D')[] {
  return [...(bits.accessed ? (['A'] as const) : []), ...(bits.dirty ? (['D'] as const) : [])];
}

/**
 * The walk as a tree: each entry hangs below the one that leads to it. Columns: table and index, the entry's physical
 * address, its value as the walk saw it, its bits, the bits set since, and a mark at the responsible entry.
 *
 * @returns lines, without line ends; none when no table was walked
 * @internal
 */
export function formatWalk(reported: ReportedTranslation, style: Style): readonly string[] {
  const rows = rowsOf(reported);
  const width = {
    label: widest(rows.map(({ label }, depth) => label.length + depth * INDENT.length)),
    address: widest(rows.map(({ address }) => address.length)),
    value: widest(rows.map(({ value }) => value.length)),
    flags: widest(rows.map(({ flags }) => flags.length)),
    added: widest(rows.map(({ added }) => added.length)),
  };
  return rows.map((row, depth) => {
    const indent = INDENT.repeat(depth);
    const branch = `${indent}${style.faint('└─')} `;
    const label = row.label.padEnd(width.label - indent.length);
    const value = (row.responsible ? style.bad : same)(row.value.padEnd(width.value));
    const where = `${style.faint(`${row.address.padStart(width.address)}:`)} ${value}`;
    const marks = formatMarks(row, width, style);
    return `${branch}${label}  ${where}${marks === '' ? '' : `  ${marks}`}`;
  });
}

const same = (text: string) => text;

function widest(lengths: readonly number[]): number {
  return Math.max(0, ...lengths);
}

/** The columns after the value, without the blanks that nothing follows. */
function formatMarks(row: Row, width: { flags: number; added: number }, style: Style): string {
  const columns = [
    { text: row.flags, width: width.flags, show: same },
    { text: row.added, width: width.added, show: style.good },
    { text: row.responsible ? RESPONSIBLE : '', width: 0, show: style.mark },
  ].filter((column) => column.text !== '' || column.width > 0);
  const last = columns.findLastIndex(({ text }) => text !== '');
  return columns
    .slice(0, last + 1)
    .map(
      ({ text, width: columnWidth, show }, at) =>
        `${show(text)}${at === last ? '' : ' '.repeat(columnWidth - text.length)}`,
    )
    .join('  ');
}

function rowsOf({ translation, mode, wrote, nested }: ReportedTranslation): readonly Row[] {
  const responsible = translation.kind === 'fault' ? translation.responsible : null;
  const rows = translation.steps.map((step) => ({
    label: `${step.table}[${step.index}]`,
    address: formatHex(step.address),
    value: formatHex(step.value, entryDigits(step.sizeBytes)),
    flags: entryFlags(step, mode).join(' '),
    added: formatAdded(step, wrote),
    responsible: responsible?.level === step.level,
  }));
  // An entry that could not be read is no step of the walk.
  const isUnread = responsible !== null && translation.steps.every(({ level }) => level !== responsible.level);
  const stopped = nested?.translation.kind === 'nested-fault' ? nested.translation.cause : 'unbacked-table';
  const why = stopped === 'unbacked-table' ? 'not memory' : 'refused by the second stage';
  return translation.kind === 'fault' && translation.cause === 'unbacked-table' && isUnread
    ? [...rows, unreadRow(responsible, mode, why)]
    : rows;
}

function formatAdded({ level }: WalkStep, wrote: readonly PlannedBits[]): string {
  const bits = wrote.find((planned) => planned.level === level);
  return bits
    ? bitNames(bits)
        .map((name) => `+${name}`)
        .join(' ')
    : '';
}

function unreadRow({ level, address }: { level: number; address: bigint }, mode: PagingMode, why: string): Row {
  return {
    label: `${TABLE_OF_LEVEL[level] ?? `level ${level} `}[${indexOf(level, address, mode)}]`,
    address: formatHex(address),
    value: why,
    flags: '',
    added: '',
    responsible: true,
  };
}

/** Tables fill a page; but a PAE PDPT has four entries and is aligned to its size (SDM vol. 3A, 4.4.1). */
function indexOf(level: number, address: bigint, mode: PagingMode): bigint {
  const tableBytes = mode === 'pae' && level === 3 ? 32n : 4096n;
  return (address % tableBytes) / (mode === '32-bit' ? 4n : 8n);
}
