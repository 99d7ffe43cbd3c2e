import type { TableSnapshot } from '../../../guest/index.ts';
import type { AreaMap } from '../../../linux/internal.ts';
import { formatHex, type MappedLeaf, type MappedRange } from '../../../paging/index.ts';
import type { ReportedLeaf, ReportedMap, ReportedMapEnd, Style } from '../../../report/index.ts';
import { chooseStyle } from '../../io/choose-style.ts';
import type { CliContext } from '../../options/command.ts';
import { parseMapFilter } from '../../options/map-filter.ts';
import type { AddressRange } from '../../options/parse-range.ts';
import { describeOff, describeRoot } from '../../picture/snapshot-notes.ts';
import { complainOfRomTables } from '../../session/complain-of-rom-tables.ts';
import { reportedSpace } from '../../session/reported-space.ts';
import { leafWindows, rangeWindows } from '../../session/snapshot-windows.ts';
import { strictStatus } from '../../session/strict-status.ts';
import type { TakenSnapshot } from '../../session/take-snapshot.ts';
import type { MapCommandLine } from './parse-map.ts';

const LAST_ADDRESS = 0xffff_ffff_ffff_ffffn;

/** What is printed of which addresses. */
interface PrintedMap extends Omit<MapCommandLine, 'range'> {
  readonly range: AddressRange;
}

type Report = typeof import('../../../report/index.ts');
type Printing = Pick<CliContext, 'print' | 'unread'>;

/**
 * Prints a map from a snapshot, as fast as it is read and no faster.
 *
 * @returns the exit status
 * @internal
 */
export async function printMap(
  { snapshot, assumed, areas, range: { first = 0n, last = LAST_ADDRESS } }: TakenSnapshot,
  line: Omit<MapCommandLine, 'range'>,
  context: CliContext,
): Promise<number> {
  const report = await import('../../../report/index.ts');
  const range = { first, last };
  const style = chooseStyle(context);
  const map: ReportedMap = {
    of: line.of,
    cpu: line.guest.cpu,
    mode: snapshot.context.mode,
    space: reportedSpace(snapshot.state, line.scope),
    nested: reportedStage(snapshot),
    ...range,
    filter: line.filter,
    assumed,
  };
  const printer = line.summary ? new SummaryPrinter(report, map) : new LinePrinter(report, map, areas);
  await context.print(printer.heading(line.json, style));
  if (!snapshot.isPaged) context.complain(`pagewalk: ${describeOff(map.cpu)}`);
  complainOfRomTables(snapshot.tablesInRom, context);
  const told = await tell(snapshot, { ...line, range }, context, (item) =>
    printer.show(item, snapshot, line.json, style),
  );
  const { reservedEntries, unbackedTables } = snapshot.survey(range);
  const rootReadable = snapshot.isRootReadable;
  const complete = told.complete && rootReadable;
  const { count } = told;
  const end = { count, complete, rootReadable, tablePages: snapshot.tablePages, reservedEntries, unbackedTables };
  await context.print(printer.end(end, line.json, style));
  if (!rootReadable) context.complain(`pagewalk: ${describeRoot(snapshot)}`);
  else if (!told.complete) context.complain(`pagewalk: ${describeIncomplete(snapshot, told, line)}`);
  else if (count === 0) context.complain(`pagewalk: ${describeNothing({ ...line, range })}`);
  return strictStatus(complete ? 0 : 1, line.guest.strict, assumed, context);
}

function reportedStage({ state, nested }: TableSnapshot): ReportedMap['nested'] {
  const { value: stage } = state.nested;
  return stage && nested && { stage, context: nested };
}

function describeNothing({ range, filter }: PrintedMap): string {
  const isWhole = range.first === 0n && range.last === LAST_ADDRESS;
  const where = isWhole ? 'in this address space' : `from ${formatHex(range.first)} to ${formatHex(range.last)}`;
  return filter === null ? `nothing is mapped ${where}` : `nothing that is mapped ${where} is ${filter}`;
}

function describeIncomplete(
  snapshot: TableSnapshot,
  { count, looked }: Told,
  { limit, of }: Pick<MapCommandLine, 'limit' | 'of'>,
): string {
  if (!snapshot.isWhole) return 'there are more page tables than are kept: ask for a part with --range';
  if (count >= limit) return `stopped after ${count} ${of}: take --limit N for more, or a part with --range`;
  if (looked >= limit * LOOKED_PER_LINE) {
    return `stopped after ${looked} ${of}, ${count} of them wanted: take --limit N for more, or a part with --range`;
  }
  return `stopped after ${count} ${of}: page tables look corrupt (endless references). Take a part with --range`;
}

interface Told extends Pick<ReportedMapEnd, 'complete' | 'count'> {
  /** How many ranges or pages the filter was asked about. */
  readonly looked: number;
}

/** A filter may want none of the 2^36 ranges that a few tables of garbage can map. */
const LOOKED_PER_LINE = 16;

/** Every range or page that is wanted, in text as it is printed. */
async function tell(
  snapshot: TableSnapshot,
  line: PrintedMap,
  { print, unread, signal }: Printing & Pick<CliContext, 'signal'>,
  show: (item: MappedRange | MappedLeaf) => string,
): Promise<Told> {
  const isWanted = line.filter === null ? () => true : parseMapFilter(line.filter, 'map');
  const windows = line.of === 'ranges' ? rangeWindows(snapshot, line.range) : leafWindows(snapshot, line.range);
  let count = 0;
  let looked = 0;
  for (;;) {
    const { value, done } = windows.next();
    if (done) return { complete: value, count, looked };
    looked += value.length;
    const wanted = value.filter(isWanted).slice(0, line.limit - count);
    count += wanted.length;
    await print(wanted.map(show).join(''));
    signal.throwIfAborted();
    if (unread?.aborted) return { complete: true, count, looked };
    if (count >= line.limit || looked >= line.limit * LOOKED_PER_LINE) return { complete: false, count, looked };
  }
}

/** Puts the parts of a map into the form that was asked for. */
interface MapPrinter {
  heading(json: boolean, style: Style): string;
  show(item: MappedRange | MappedLeaf, snapshot: TableSnapshot, json: boolean, style: Style): string;
  end(end: ReportedMapEnd, json: boolean, style: Style): string;
}

class LinePrinter implements MapPrinter {
  readonly #report: Report;
  readonly #map: ReportedMap;
  readonly #areas: AreaMap | null;

  constructor(report: Report, map: ReportedMap, areas: AreaMap | null) {
    this.#report = report;
    this.#map = map;
    this.#areas = areas;
  }

  heading(json: boolean, style: Style): string {
    return json ? `${this.#report.encodeMapHeading(this.#map)}\n` : this.#report.formatMapHeading(this.#map, style);
  }

  show(item: MappedRange | MappedLeaf, snapshot: TableSnapshot, json: boolean, style: Style): string {
    const { encodeLeaf, encodeMappedRange, formatLeaf, formatMappedRange } = this.#report;
    if ('address' in item) {
      const leaf = this.#reportedLeaf(item, snapshot);
      return json ? `${encodeLeaf(leaf)}\n` : formatLeaf(leaf, this.#map.mode, style);
    }
    const regions = snapshot.regionsOf(item);
    const areas = this.#areas?.over(item.first, item.last) ?? null;
    if (json) return `${encodeMappedRange(item, regions, areas)}\n`;
    return formatMappedRange(item, regions, this.#map.mode, style, areas);
  }

  /** Field by field: what is spread here is kept by the engine until it goes through all of its heap, of millions of pages 100 MB. */
  #reportedLeaf(leaf: MappedLeaf, { memoryMap }: TableSnapshot): ReportedLeaf {
    const { address, sizeBytes, physicalAddress, rights, protectionKey, global, accessed, dirty } = leaf;
    const region = memoryMap.regionAt(physicalAddress);
    const areas = this.#areas?.over(address, address + BigInt(sizeBytes) - 1n) ?? null;
    const told = { address, sizeBytes, physicalAddress, rights, protectionKey, global, accessed, dirty, region };
    return areas === null ? told : { ...told, areas };
  }

  end(end: ReportedMapEnd, json: boolean): string {
    return json ? `${this.#report.encodeMapEnd(end)}\n` : '';
  }
}

class SummaryPrinter implements MapPrinter {
  readonly #report: Report;
  readonly #map: ReportedMap;
  readonly #summary;

  constructor(report: Report, map: ReportedMap) {
    this.#report = report;
    this.#map = map;
    this.#summary = new report.MapSummary();
  }

  heading(): string {
    return '';
  }

  show(item: MappedRange | MappedLeaf): string {
    if ('first' in item) this.#summary.add(item);
    return '';
  }

  end(end: ReportedMapEnd, json: boolean, style: Style): string {
    const { encodeMapSummary, formatMapSummary } = this.#report;
    return json ? `${encodeMapSummary(this.#summary, end)}\n` : formatMapSummary(this.#map, this.#summary, end, style);
  }
}
