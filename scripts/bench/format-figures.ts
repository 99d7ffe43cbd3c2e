import { type Figure, isMet } from './figure.ts';
import type { Machine } from './machine.ts';

function formatNumber(value: number): string {
  return value >= 1000 ? String(Math.round(value)) : value.toPrecision(3);
}

function formatBar({ bar, unit }: Figure): string {
  if (bar === null) return '';
  return `${bar.kind === 'at-most' ? '≤' : '≥'} ${bar.limit} ${unit}`;
}

function formatMet(figure: Figure): string {
  const met = isMet(figure);
  return met === undefined ? '' : met ? 'met' : 'NOT MET';
}

function formatDetails({ details }: Figure): string {
  return Object.entries(details)
    .map(([name, value]) => `${name} ${typeof value === 'number' ? formatNumber(value) : value}`)
    .join(', ');
}

/** A table for a terminal: one line for each figure, and under it what it was made of. */
export function formatFigures(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => [
    figure.name,
    `${formatNumber(figure.value)} ${figure.unit}`,
    formatBar(figure),
    formatMet(figure),
  ]);
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row, at) => {
      const line = row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ');
      const details = formatDetails(figures[at] as Figure);
      return `${line.trimEnd()}\n${details === '' ? '' : `    ${details}\n`}`;
    })
    .join('');
}

/** One line on where this was measured. */
export function formatMachine(machine: Machine): string {
  const { processors, processor, kernel, memoryGiB, node, qemu, loadAverage } = machine;
  return `${processors} x ${processor}, ${memoryGiB} GiB, Linux ${kernel}, Node ${node}, ${qemu}, load ${loadAverage.toFixed(2)}\n`;
}
