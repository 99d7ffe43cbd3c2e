import { deflateSync } from 'node:zlib';
import type { Assumption, LinearRange, TableSnapshot } from '../../guest/index.ts';
import type { AreaMap } from '../../linux/internal.ts';
import type { MappedRange } from '../../paging/index.ts';
import {
  encodeMoment,
  encodeTables,
  type MomentHeading,
  nameOfRegion,
  PICTURE_FORMAT,
  type PictureName,
  pieceOfRange,
  RangeEncoder,
} from '../../picture/internal.ts';
import type { ReportedAddressSpace } from '../../report/index.ts';
import { packageVersion } from '../version.ts';
import type { LookTimes } from './look-times.ts';
import { namesOfAreas } from './names-of-areas.ts';
import { snapshotNotes } from './snapshot-notes.ts';

/** What is known of a snapshot besides its tables. @internal */
export interface MomentFacts extends LookTimes {
  readonly from: string;
  readonly space: ReportedAddressSpace;
  readonly first: bigint;
  readonly last: bigint;
  readonly assumed: readonly Assumption[];
  readonly notes: readonly string[];
  readonly names: readonly PictureName[];
}

/** A look at a guest, of which a moment is made. @internal */
export interface PicturedLook {
  /** Where the guest was reached. */
  readonly endpoint: string;
  readonly snapshot: TableSnapshot;
  readonly space: ReportedAddressSpace;
  /** The part of it that was asked for; empty for everything. */
  readonly range: Partial<LinearRange>;
  /** What everything rests on that was unavailable. */
  readonly assumed: readonly Assumption[];
  /** What Linux keeps where; null where names are not shown. */
  readonly areas: AreaMap | null;
  readonly times: LookTimes;
}

const LAST_ADDRESS = 0xffff_ffff_ffff_ffffn;

/** @internal */
export function factsOf({ endpoint, snapshot, space, range, assumed, areas, times }: PicturedLook): MomentFacts {
  return {
    ...times,
    from: endpoint,
    space,
    first: range.first ?? 0n,
    last: range.last ?? LAST_ADDRESS,
    assumed,
    notes: snapshotNotes(snapshot),
    names: namesOfAreas(areas),
  };
}

/** How much a moment may take. @internal */
export interface MomentLimits {
  /** Of its tables, as they are encoded. */
  readonly tableBytes: number;
  /** Of all, when it is compressed. */
  readonly compressedBytes: number;
  readonly ranges: number;
  /** What else can be done, as a sentence. */
  readonly advice: string;
}

/** A page with this, in base64, and with the program of the page stays below 5 MB. @internal */
export const LIMITS_OF_FILE: MomentLimits = {
  tableBytes: 24 << 20,
  compressedBytes: 3_400_000,
  ranges: 1_000_000,
  advice: 'pagewalk explore shows them, or pagewalk map --html with a part, --range.',
};

/** Two of them in a page, likewise. @internal */
export const LIMITS_OF_TWO: MomentLimits = {
  tableBytes: 12 << 20,
  compressedBytes: 1_600_000,
  ranges: 1_000_000,
  advice: 'pagewalk explore shows them, or pagewalk diff --html with a part, --range.',
};

/** Between a server and a browser of one host. @internal */
export const LIMITS_OF_SERVER: MomentLimits = {
  tableBytes: 160 << 20,
  compressedBytes: 160 << 20,
  ranges: 1_000_000,
  advice: 'pagewalk explore with a part, --range, shows them.',
};

/** Fast, as tables are short already when they come here. */
const LEVEL = 6;

/**
 * A snapshot as a picture has it, compressed: with its tables, of which a page makes everything else; where these take too much, with
 * its ranges.
 *
 * @internal
 */
export function momentBytes(
  snapshot: TableSnapshot,
  facts: MomentFacts,
  limits: MomentLimits,
): Uint8Array<ArrayBuffer> {
  const isPaged = snapshot.context.levels.length > 0 || snapshot.nested !== null;
  const tables = isPaged ? encodeTables(snapshot.tables, limits.tableBytes) : new Uint8Array(0);
  if (tables !== null) {
    const ranges = isPaged ? new Uint8Array(0) : rangesOf(snapshot, facts, limits);
    const heading = headingOf(snapshot, facts, null);
    const bytes = deflateSync(encodeMoment({ heading, tables, ranges }), { level: LEVEL });
    if (bytes.length <= limits.compressedBytes) return bytes;
  }
  const why = `The page tables of this address space take too much room: pages are shown as ranges, and walks cannot be made here. ${limits.advice}`;
  const heading = headingOf(snapshot, facts, why);
  const ranges = rangesOf(snapshot, facts, limits);
  return deflateSync(encodeMoment({ heading, tables: new Uint8Array(0), ranges }), { level: LEVEL });
}

function rangesOf(snapshot: TableSnapshot, { first, last }: MomentFacts, limits: MomentLimits): Uint8Array {
  const encoder = new RangeEncoder();
  const take = (range: MappedRange): boolean => {
    encoder.add(pieceOfRange(range, snapshot.context));
    return encoder.length < limits.ranges && encoder.lengthBytes < limits.compressedBytes * 4;
  };
  const { complete } = snapshot.ranges(take, { first, last });
  return encoder.encode(complete);
}

function headingOf(snapshot: TableSnapshot, facts: MomentFacts, whyNoWalks: string | null): MomentHeading {
  const { state, context, memoryMap } = snapshot;
  return {
    format: PICTURE_FORMAT,
    version: packageVersion(),
    ...facts,
    cpu: state.cpu,
    mode: context.mode,
    linearBits: context.linearBits,
    isUnsigned: context.linearAddress.isUnsigned,
    state,
    regions: memoryMap.regions,
    whyNoWalks,
    classNames: snapshot.classNames.map(nameOfRegion),
  };
}
