import type { MappedRange, PageAttributes } from '../../paging/index.ts';
import { encodeAssumption } from '../assumed/format-assumption.ts';
import { areaFields, type ReportedAreas } from '../linux/format-area.ts';
import { encodeOwner } from '../linux/format-owner.ts';
import { encodeStage } from '../state/encode-stage.ts';
import type { ReportedRegion } from '../translation/reported-translation.ts';
import { formatHex } from '../words/format-hex.ts';
import type { ReportedLeaf, ReportedMap, ReportedMapEnd } from './reported-map.ts';

/** What map a file holds: its first line, without line end. @public */
export function encodeMapHeading(map: ReportedMap): string {
  const { of, cpu, mode, space, first, last, filter, assumed, nested } = map;
  return JSON.stringify({
    kind: 'map',
    of,
    cpu,
    mode,
    cr3: formatHex(space.cr3),
    changes: space.changes ?? [],
    profile: space.profile ?? null,
    // Only where names were asked for.
    ...(space.owner === undefined ? {} : { owner: space.owner && encodeOwner(space.owner) }),
    first: formatHex(first),
    last: formatHex(last),
    filter,
    assumed: assumed.map(encodeAssumption),
    // Only where there is one: scripts for ordinary guests see the same fields always.
    ...(nested === null ? {} : { nested: encodeStage(nested.stage, nested.context) }),
  });
}

/**
 * A range, with what lies there, as a line of JSON, without line end. `leaves` are counted by page size in bytes.
 *
 * @param areas - what Linux keeps there, where names were asked for
 * @public
 */
export function encodeMappedRange(
  range: MappedRange,
  regions: readonly ReportedRegion[],
  areas: ReportedAreas | null = null,
): string {
  return JSON.stringify({
    kind: 'range',
    first: formatHex(range.first),
    last: formatHex(range.last),
    ...encodeAttributes(range),
    leaves: range.leaves,
    accessed: range.accessed,
    dirty: range.dirty,
    physicalFirst: formatHex(range.physicalFirst),
    physicalLowest: formatHex(range.physicalLowest),
    physicalHighest: formatHex(range.physicalHighest),
    physicalPieces: range.physicalPieces,
    regions: regions.map(encodeRegion),
    ...areaFields(areas),
  });
}

/** A page as a line of JSON, without line end. @public */
export function encodeLeaf(leaf: ReportedLeaf): string {
  return JSON.stringify({
    kind: 'page',
    address: formatHex(leaf.address),
    size: leaf.sizeBytes,
    ...encodeAttributes(leaf),
    accessed: leaf.accessed,
    dirty: leaf.dirty,
    physicalAddress: formatHex(leaf.physicalAddress),
    region: encodeRegion(leaf.region),
    ...areaFields(leaf.areas ?? null),
  });
}

/** The last line of a map: without it the file is not whole. @public */
export function encodeMapEnd(end: ReportedMapEnd): string {
  const { complete, count, rootReadable, tablePages, reservedEntries, unbackedTables } = end;
  return JSON.stringify({ kind: 'end', complete, count, rootReadable, tablePages, reservedEntries, unbackedTables });
}

/** @internal */
export function encodeAttributes({ rights, protectionKey, global }: PageAttributes): object {
  const { write, user, exec } = rights;
  // What is mapped can be read, but where a second stage says otherwise.
  const shown = rights.read === false ? { read: false, write, user, exec } : { write, user, exec };
  return { rights: shown, protectionKey, global };
}

function encodeRegion({ kind, name }: ReportedRegion): object {
  return { kind, name };
}
