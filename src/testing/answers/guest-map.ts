import type { GuestView, MapScope } from '../../guest/index.ts';
import { asAnswer, type MappedRange, PagingInputError, type PagingMode } from '../../paging/internal.ts';
import type { ReportedAddressSpace, ReportedAssumption, ReportedMapEnd, ReportedRegion } from '../../report/index.ts';
import { spaceOf } from './guest-answer.ts';

/** A range of a map, with what lies at its physical pages. @public */
export interface GuestMapRange extends MappedRange {
  readonly regions: readonly ReportedRegion[];
}

/** An address space, or a part of it, at one moment: plain data. @public */
export interface GuestMap {
  readonly cpu: number;
  readonly mode: PagingMode;
  readonly space: ReportedAddressSpace;
  /** The part, both ends inclusive. */
  readonly first: bigint;
  readonly last: bigint;
  /** Pages with the same rights, in ascending order, the lower half first. */
  readonly ranges: readonly GuestMapRange[];
  /** False where there is more than is kept: an expectation that nothing of a kind is mapped then fails. */
  readonly complete: boolean;
  /** What was met on the way. */
  readonly end: Pick<ReportedMapEnd, 'tablePages' | 'rootReadable' | 'reservedEntries' | 'unbackedTables'>;
  /** What the map rests on that was unavailable. */
  readonly assumed: readonly ReportedAssumption[];
}

const LAST = 0xffff_ffff_ffff_ffffn;
/** Tables of garbage can hold a range for each of 2^36 pages. */
const MOST_RANGES = 1_000_000;

/** Takes a map. @throws as `GuestView.snapshot`. @internal */
export async function takeMap(view: GuestView, scope: MapScope): Promise<GuestMap> {
  const { first = 0n, last = LAST } = scope;
  if (first > last) throw new PagingInputError('ERR_PAGING_ADDRESS', 'a map ends before it begins');
  const snapshot = await view.snapshot({ ...scope, first, last });
  const ranges: GuestMapRange[] = [];
  const { complete } = snapshot.ranges(
    (range) => {
      ranges.push(Object.assign(range, { regions: snapshot.regionsOf(range) }));
      return ranges.length < MOST_RANGES;
    },
    { first, last },
  );
  const { reservedEntries, unbackedTables } = snapshot.survey({ first, last });
  return asAnswer({
    cpu: snapshot.state.cpu,
    mode: snapshot.context.mode,
    space: spaceOf(snapshot.state, scope),
    ...{ first, last, ranges },
    complete: complete && snapshot.isRootReadable,
    end: { tablePages: snapshot.tablePages, rootReadable: snapshot.isRootReadable, reservedEntries, unbackedTables },
    assumed: snapshot.assumed,
  });
}
