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

/** A line for a terminal, and under it what the figure was made of. */
export function formatFigure(figure: Figure): string {
  const cells = [figure.name, `${formatNumber(figure.value)} ${figure.unit}`, formatBar(figure), formatMet(figure)];
  const details = formatDetails(figure);
  return `${cells.filter((cell) => cell !== '').join('  ')}\n${details === '' ? '' : `    ${details}\n`}`;
}

/** One line on where this was measured. */
export function formatMachine(machine: Machine): string {
  const { processors, processor, kernel, memoryGiB, node, qemu, loadAverage } = machine;
  return `${processors} x ${processor}, ${memoryGiB} GiB, Linux ${kernel}, Node ${node}, ${qemu}, load ${loadAverage.toFixed(2)}\n`;
}
