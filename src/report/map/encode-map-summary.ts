import { formatHex } from '../words/format-hex.ts';
import type { MappedAmount, MapSummary, NotableRanges } from './map-summary.ts';
import type { ReportedMapEnd } from './reported-map.ts';

/** What a map comes to, as a line of JSON, without line end. Bytes are texts: there may be more than a number holds. @public */
export function encodeMapSummary(summary: MapSummary, end: ReportedMapEnd): string {
  return JSON.stringify({
    kind: 'summary',
    complete: end.complete,
    rootReadable: end.rootReadable,
    ranges: end.count,
    byRights: Object.fromEntries([...summary.byRights].map(([name, amount]) => [name, encodeAmount(amount)])),
    total: encodeAmount(summary.total),
    tablePages: end.tablePages,
    reservedEntries: end.reservedEntries,
    unbackedTables: end.unbackedTables,
    writableExecutable: encodeNotable(summary.writableExecutable),
    userInUpperHalf: encodeNotable(summary.userInUpperHalf),
  });
}

function encodeAmount({ bytes, leaves, accessed, dirty }: MappedAmount): object {
  return { bytes: String(bytes), leaves, accessed, dirty };
}

function encodeNotable({ count, bytes, first }: NotableRanges): object {
  return {
    count,
    bytes: String(bytes),
    first: first.map((range) => ({ first: formatHex(range.first), last: formatHex(range.last), rights: range.rights })),
  };
}
