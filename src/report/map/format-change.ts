import type { PagingMode } from '../../paging/index.ts';
import type { Style } from '../style.ts';
import { formatHex, formatSpan } from '../words/format-hex.ts';
import { formatRights } from '../words/format-rights.ts';
import { formatSize } from '../words/format-size.ts';
import type { MapChange, MapDifference, MapSegment } from './diff-maps.ts';
import { encodeAttributes } from './encode-map.ts';

/**
 * What happened to some addresses, in a line:
 *
 * ```
 * + 0x0000008000018000-0x0000008000018fff      4K  rwxu → 0x138000
 * - 0x0000008000019000-0x0000008000019fff      4K  r-xu → 0x139000
 * ~ 0x0000008000000000-0x0000008000000fff      4K  rights rwxu → r-xu, became accessed
 * ```
 *
 * @param mode - decides how many digits an address has
 * @returns a line, with its line end
 * @public
 */
export function formatChange(change: MapChange, mode: PagingMode, style: Style): string {
  const { first, last, before, after, differences } = change;
  const range = `${formatSpan(change, mode)}  ${formatSize(last - first + 1n).padStart(6)}`;
  if (before === null && after !== null) return `${style.good('+')} ${range}  ${formatSegment(after)}\n`;
  if (after === null && before !== null) return `${style.bad('-')} ${range}  ${formatSegment(before)}\n`;
  const words = differences.map((difference) => DIFFERENCE_WORDS[difference](before, after));
  return `${style.mark('~')} ${range}  ${words.join(', ')}\n`;
}

function formatSegment({ rights, physicalFirst }: MapSegment): string {
  return `${formatRights(rights)}${physicalFirst === null ? '' : ` → ${formatHex(physicalFirst)}`}`;
}

type Side = MapSegment | null;
type Words = (before: Side, after: Side) => string;

const fromTo =
  (name: string, show: (segment: MapSegment) => string): Words =>
  (before, after) =>
    `${name}${before ? show(before) : '-'} → ${after ? show(after) : '-'}`;

/** Of a page a bit was set or cleared; of a range there are now more or fewer. */
const use =
  (name: 'accessed' | 'dirty', cleared: string): Words =>
  (before, after) => {
    const [from, to] = [before?.[name] ?? 0, after?.[name] ?? 0];
    if (before?.pageSizeBytes === null) return `${name} pages ${from} → ${to}`;
    return to > from ? `became ${name}` : cleared;
  };

const DIFFERENCE_WORDS: Readonly<Record<MapDifference, Words>> = {
  appeared: () => 'appeared',
  vanished: () => 'vanished',
  rights: fromTo('rights ', ({ rights }) => formatRights(rights)),
  key: fromTo('key ', ({ protectionKey }) => (protectionKey === null ? 'none' : String(protectionKey))),
  global: fromTo('', ({ global }) => (global ? 'global' : 'not global')),
  size: fromTo('pages ', ({ pageSizeBytes }) => formatSize(pageSizeBytes ?? 0)),
  moved: fromTo('moved ', ({ physicalFirst }) => (physicalFirst === null ? 'pieces' : formatHex(physicalFirst))),
  accessed: use('accessed', 'A was cleared'),
  dirty: use('dirty', 'D was cleared'),
};

/** The same as a line of JSON, without line end. @public */
export function encodeChange({ first, last, differences, before, after, pieces }: MapChange): string {
  return JSON.stringify({
    kind: 'change',
    first: formatHex(first),
    last: formatHex(last),
    differences,
    pieces,
    before: before && encodeSegment(before),
    after: after && encodeSegment(after),
  });
}

function encodeSegment(segment: MapSegment): object {
  const { pageSizeBytes, physicalFirst, accessed, dirty } = segment;
  return {
    pageSize: pageSizeBytes,
    ...encodeAttributes(segment),
    physicalFirst: physicalFirst === null ? null : formatHex(physicalFirst),
    accessed,
    dirty,
  };
}
