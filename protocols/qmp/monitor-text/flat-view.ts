import { escapeUnprintable, formatPrintable } from '../../transport/internal.ts';
import { MonitorTextError } from '../errors.ts';
import { LineScanner } from './line-scanner.ts';
import { TextLines } from './lines.ts';

/**
 * What a range is made of. Reading `ram`, `rom` and `romd` (a ROM device in its reading mode, flash for example) has no
 * effect on the guest; reading `i/o` and `ramd` (memory of a passed-through device) may.
 *
 * @public
 */
export type FlatRangeType = 'ram' | 'rom' | 'romd' | 'ramd' | 'i/o';

/** A range of guest-physical addresses that leads to one memory region. What lies between two ranges leads nowhere. @public */
export interface FlatRange {
  readonly first: bigint;
  /** Inclusive. */
  readonly last: bigint;
  readonly priority: number;
  readonly type: FlatRangeType;
  /** An NVDIMM (`nv-ram`). */
  readonly nonVolatile: boolean;
  /** The memory region: `pc.ram`, `vga.vram`, ... Unprintable characters are escaped. */
  readonly name: string;
  /** Of `first` inside the region; for RAM also inside its RAM block. */
  readonly offset: bigint;
}

/** One address space that sees a view. @public */
export interface AddressSpace {
  /** `memory`, `I/O`, `cpu-memory-0`, `cpu-smm-0`, `KVM-SMRAM`, or the name of a device that masters the bus. */
  readonly name: string;
  readonly root: string;
  readonly alias?: string;
}

/** What some address spaces see, flattened. @public */
export interface FlatView {
  readonly addressSpaces: readonly AddressSpace[];
  /** The root memory region; null if there is none, and then there are no ranges. */
  readonly root: string | null;
  /** Ascending, without overlap. */
  readonly ranges: readonly FlatRange[];
}

const COMMAND_LINE = 'info mtree -f';
const TYPES: readonly string[] = ['ram', 'rom', 'romd', 'ramd', 'i/o'] satisfies FlatRangeType[];

/** QEMU has a few for each vCPU and each device that masters the bus. */
const MAX_VIEWS = 4096;
/** QEMU itself has at most 4096 in one address space (its physical sections), and 32764 slots under KVM. */
const MAX_RANGES = 32_768;
const MAX_RANGES_IN_ALL = 131_072;
/** Two for each vCPU, and one for each device. */
const MAX_SPACES = 32_768;

const RANGE = /^ {2}([0-9a-f]{16})-([0-9a-f]{16}) \(prio (-?\d{1,9}), (nv-)?([^)]{1,16})\): /;
const OFFSET = /^ @([0-9a-f]{16})$/;
const OFFSET_CHARS = 18;
/** With `-o`. */
const OWNERS = [' owner:{', ' parent:{'] as const;
/** A range has the name of an accelerator once for each of its address spaces that maps it. */
const ACCELERATORS = [' KVM', ' HVF', ' WHPX', ' NVMM', ' Xen', ' mshv'] as const;

interface Draft {
  readonly addressSpaces: AddressSpace[];
  root: string | null;
  readonly ranges: FlatRange[];
}

/**
 * Reads the output of `info mtree -f`: the only form in which QEMU tells its flat memory map (7.2 to 10.2 print the same).
 *
 * Views are numbered arbitrarily and differently each time; choose by address space with {@link selectFlatView}.
 *
 * @throws MonitorTextError (`ERR_QMP_MONITOR_TEXT`) naming the line that cannot be read, when there is no view at all, or more
 * views or ranges than any machine has.
 * @public
 */
export function parseFlatViews(text: string): readonly FlatView[] {
  const views: Draft[] = [];
  let rangesLeft = MAX_RANGES_IN_ALL;
  let spacesLeft = MAX_SPACES;
  // A number that was cut would still be a number.
  if (text !== '' && !text.endsWith('\n')) throw new MonitorTextError(COMMAND_LINE, 'its last line is not whole');
  const line = new TextLines(COMMAND_LINE, text);
  while (line.next()) {
    const kind = readRangeLine(line, views.at(-1)) ? 'range' : readOtherLine(line, views);
    if (kind === 'range' && --rangesLeft < 0) throw line.error(`it has more than ${MAX_RANGES_IN_ALL} ranges`);
    if (kind === 'space' && --spacesLeft < 0) throw line.error(`it has more than ${MAX_SPACES} address spaces`);
  }
  if (views.length === 0) throw new MonitorTextError(COMMAND_LINE, 'there is no FlatView in it');
  return views;
}

/** The view that an address space sees; `memory` is what the CPUs and the GDB stub's physical mode see. @public */
export function selectFlatView(views: readonly FlatView[], addressSpace: string): FlatView | undefined {
  return views.find((view) => view.addressSpaces.some(({ name }) => name === addressSpace));
}

/**
 * `  00000000000e0000-00000000000fffff (prio 1, rom): pc.bios @0000000000020000`. Gives false for a line of another kind.
 */
function readRangeLine(line: TextLines, view: Draft | undefined): boolean {
  const match = view === undefined ? null : RANGE.exec(line.text);
  if (view === undefined || match === null) return false;
  const [head, first, last, priority, nv, type = ''] = match;
  if (!isFlatRangeType(type)) throw line.error(`${formatPrintable(type)} is no known kind of memory`);
  const end = endOfRest(line.text);
  const offset = OFFSET.exec(line.text.slice(Math.max(head.length, end - OFFSET_CHARS), end))?.[1];
  // Member by member: a spread here makes it ten times as slow.
  const range: FlatRange = {
    first: BigInt(`0x${first}`),
    last: BigInt(`0x${last}`),
    priority: Number(priority),
    type,
    nonVolatile: nv !== undefined,
    name: escapeUnprintable(line.text.slice(head.length, offset === undefined ? end : end - OFFSET_CHARS)),
    offset: offset === undefined ? 0n : BigInt(`0x${offset}`),
  };
  appendRange(view, range, line);
  return true;
}

/** Where a name ends that offset, owner and accelerators may follow. It can hold anything, so they are taken off the end. */
function endOfRest(line: string): number {
  let end = line.length;
  for (let mark = acceleratorBefore(line, end); mark !== ''; mark = acceleratorBefore(line, end)) end -= mark.length;
  return line.charCodeAt(end - 1) === CLOSING_BRACE ? (ownerAt(line) ?? end) : end;
}

const CLOSING_BRACE = 0x7d;

function acceleratorBefore(line: string, end: number): string {
  const last = line.charCodeAt(end - 1);
  for (const mark of ACCELERATORS) {
    if (last === mark.charCodeAt(mark.length - 1) && line.endsWith(mark, end)) return mark;
  }
  return '';
}

function ownerAt(line: string): number | undefined {
  let first = line.length;
  for (const mark of OWNERS) {
    const at = line.indexOf(mark);
    if (at >= 0 && at < first) first = at;
  }
  return first < line.length ? first : undefined;
}

function readOtherLine(line: TextLines, views: Draft[]): 'space' | 'other' {
  const { text } = line;
  if (text === '' || text === '  No rendered FlatView') return 'other';
  const scanner = new LineScanner(text);
  if (scanner.take('FlatView #')) {
    if (scanner.decimal() === undefined || !scanner.isAtEnd) throw line.error('a FlatView has no number');
    if (views.length === MAX_VIEWS) throw line.error(`it has more than ${MAX_VIEWS} views`);
    views.push({ addressSpaces: [], root: null, ranges: [] });
    return 'other';
  }
  const view = views.at(-1);
  if (view === undefined) throw line.error('a FlatView should begin here');
  if (scanner.take(' Root memory region: ')) {
    view.root = readRoot(scanner.rest);
    return 'other';
  }
  const space = scanner.take(' AS "') ? readAddressSpace(scanner.rest) : undefined;
  if (space === undefined) throw line.error('this is neither an address space nor a range');
  view.addressSpaces.push(space);
  return 'space';
}

function readRoot(text: string): string | null {
  return text === '(none)' ? null : escapeUnprintable(text);
}

/** `cpu-memory-0", root: system`, `e1000", root: bus master container, alias bus master` */
function readAddressSpace(text: string): AddressSpace | undefined {
  const mark = '", root: ';
  const end = text.lastIndexOf(mark);
  if (end < 0) return undefined;
  const name = escapeUnprintable(text.slice(0, end));
  const scanner = new LineScanner(text, end + mark.length);
  const root = scanner.until(', alias ');
  if (root === undefined) return { name, root: escapeUnprintable(scanner.rest) };
  return { name, root: escapeUnprintable(root), alias: escapeUnprintable(scanner.rest) };
}

function appendRange(view: Draft, range: FlatRange, line: TextLines): void {
  const previous = view.ranges.at(-1);
  if (range.last < range.first) throw line.error('the range ends before it begins');
  if (previous !== undefined && range.first <= previous.last) throw line.error('the range overlaps the one before');
  if (view.ranges.length === MAX_RANGES) throw line.error(`a view has more than ${MAX_RANGES} ranges`);
  view.ranges.push(range);
}

function isFlatRangeType(text: string): text is FlatRangeType {
  return TYPES.includes(text);
}
