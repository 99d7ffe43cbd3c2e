import type { SymbolPlace } from '../../linux/index.ts';
import type { PagingMode } from '../../paging/index.ts';
import { describeAssumption, encodeAssumption } from '../assumed/format-assumption.ts';
import type { ReportedAssumption } from '../assumed/reported-assumption.ts';
import { encodeOwner, type ReportedOwner } from '../linux/format-owner.ts';
import { formatPlace, placeFields } from '../linux/format-symbol.ts';
import { printable } from '../linux/printable.ts';
import type { Style } from '../style.ts';
import { formatHex, formatLinear } from '../words/format-hex.ts';

/** One vCPU among all. @public */
export interface ReportedVcpu {
  readonly cpu: number;
  readonly mode: PagingMode;
  readonly cpl: number;
  readonly cr3: bigint;
  /** Where its code is; undefined where the guest comes from what does not say. */
  readonly rip: { readonly offset: bigint; readonly base: bigint } | undefined;
  /** In real mode an address is a segment and an offset. */
  readonly realModeSegment: bigint | undefined;
  /** Where names were asked for: whose CR3 it is, and the symbol that its code is in. */
  readonly owner?: ReportedOwner | null;
  readonly place?: SymbolPlace | null;
  /** Which of these values were unavailable. */
  readonly assumed: readonly ReportedAssumption[];
}

const HEADINGS = ['vCPU', 'mode', 'CPL', 'RIP', 'CR3', 'process', 'symbol'] as const;
const MODE_WORDS: Readonly<Record<PagingMode, string>> = {
  off: 'no paging',
  '32-bit': '32-bit',
  pae: 'PAE',
  '4-level': '4-level',
  '5-level': '5-level',
};

/**
 * All vCPUs as a table, and below it what had to be assumed of which.
 *
 * @returns lines, each with its line end
 * @public
 */
export function formatVcpus(vcpus: readonly ReportedVcpu[], style: Style): string {
  const rows = vcpus.map(columnsOf);
  // A column that says nothing of any vCPU is left out.
  const shown = HEADINGS.map((_, at) => at).filter((at) => at < 5 || rows.some((row) => row[at] !== ''));
  const widths = HEADINGS.map((heading, at) => Math.max(heading.length, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    shown
      .map((at) => (row[at] ?? '').padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd();
  const lines = [style.faint(line(HEADINGS)), ...rows.map(line), ...assumedLines(vcpus, style)];
  return lines.map((text) => `${text}\n`).join('');
}

function assumedLines(vcpus: readonly ReportedVcpu[], style: Style): string[] {
  const cpus = new Map<string, number[]>();
  for (const { cpu, assumed } of vcpus) {
    for (const what of assumed.map(describeAssumption)) cpus.set(what, [...(cpus.get(what) ?? []), cpu]);
  }
  return [...cpus].map(([what, of]) => {
    const whose = of.length === vcpus.length ? '' : `vCPU ${of.join(', ')}: `;
    return style.mark(`! assumed: ${whose}${what}`);
  });
}

function columnsOf({ cpu, mode, cpl, cr3, rip, realModeSegment, owner, place }: ReportedVcpu): string[] {
  return [
    String(cpu),
    MODE_WORDS[mode],
    String(cpl),
    rip === undefined ? '-' : formatRip(rip, mode, realModeSegment),
    mode === 'off' ? '-' : formatHex(cr3),
    owner ? shortOwner(owner) : '',
    place ? formatPlace(place) : '',
  ];
}

/** The heading says what it is. */
function shortOwner(owner: ReportedOwner): string {
  return owner.kind === 'kernel' ? 'kernel' : `${owner.pid} ${printable(owner.comm)}`;
}

function formatRip(
  { offset, base }: { readonly offset: bigint; readonly base: bigint },
  mode: PagingMode,
  segment: bigint | undefined,
): string {
  if (segment !== undefined) return `${formatHex(segment, 4).slice(2)}:${formatHex(offset, 4).slice(2)}`;
  return formatLinear(base + offset, mode);
}

/** One vCPU as a line of JSON, without line end. @public */
export function encodeVcpu({ cpu, mode, cpl, cr3, rip, owner, place, assumed }: ReportedVcpu): string {
  return JSON.stringify({
    cpu,
    mode,
    cpl,
    cr3: formatHex(cr3),
    rip: rip === undefined ? null : formatHex(BigInt.asUintN(64, rip.base + rip.offset)),
    ...(owner === undefined ? {} : { owner: owner && encodeOwner(owner) }),
    ...(place === undefined ? {} : { place: place && placeFields(place) }),
    assumed: assumed.map(encodeAssumption),
  });
}
