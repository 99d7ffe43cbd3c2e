import { MonitorTextError } from '../errors.ts';
import { splitLines, type TextLine } from './lines.ts';

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
  /** The memory region: `pc.ram`, `vga.vram`, ... */
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

const SPACE = /^ AS "(.*)", root: (.*?)(?:, alias (.*))?$/;
const ROOT = /^ Root memory region: (.*)$/;
/**
 * After the name come, each optional: the offset, the owner (with `-o`), and once for each address space of an accelerator
 * that maps the range the accelerator's name.
 */
const RANGE =
  /^ {2}([0-9a-f]{16})-([0-9a-f]{16}) \(prio (-?\d+), (nv-)?([^)]+)\): (.*?)(?: @([0-9a-f]{16}))?(?: (?:owner|parent):\{.*\})*(?: (?:KVM|HVF|WHPX|NVMM|Xen|mshv))*$/;

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
 * @throws MonitorTextError (`ERR_QMP_MONITOR_TEXT`) naming the line that cannot be read, or when there is no view at all.
 * @public
 */
export function parseFlatViews(text: string): readonly FlatView[] {
  const views: Draft[] = [];
  // A number that was cut would still be a number.
  if (text !== '' && !text.endsWith('\n')) throw new MonitorTextError(COMMAND_LINE, 'its last line is not whole');
  for (const line of splitLines(COMMAND_LINE, text)) readLine(line, views);
  if (views.length === 0) throw new MonitorTextError(COMMAND_LINE, 'there is no FlatView in it');
  return views;
}

/** The view that an address space sees; `memory` is what the CPUs and the GDB stub's physical mode see. @public */
export function selectFlatView(views: readonly FlatView[], addressSpace: string): FlatView | undefined {
  return views.find((view) => view.addressSpaces.some(({ name }) => name === addressSpace));
}

function readLine(line: TextLine, views: Draft[]): void {
  if (line.text === '') return;
  if (/^FlatView #\d+$/.test(line.text)) {
    views.push({ addressSpaces: [], root: null, ranges: [] });
    return;
  }
  const view = views.at(-1);
  if (view === undefined) throw line.error('a FlatView should begin here');
  const space = SPACE.exec(line.text);
  const root = ROOT.exec(line.text);
  const range = RANGE.exec(line.text);
  if (space !== null) view.addressSpaces.push(readAddressSpace(space));
  else if (root !== null) view.root = root[1] === '(none)' ? null : (root[1] ?? null);
  else if (range !== null) appendRange(view, readRange(range, line), line);
  else if (line.text !== '  No rendered FlatView') throw line.error('this is neither an address space nor a range');
}

function readAddressSpace([, name = '', root = '', alias]: RegExpExecArray): AddressSpace {
  return alias === undefined ? { name, root } : { name, root, alias };
}

function readRange([, first, last, priority, nv, type = '', name = '', offset = '0']: RegExpExecArray, line: TextLine) {
  if (!isFlatRangeType(type)) throw line.error(`${JSON.stringify(type)} is no known kind of memory`);
  return {
    first: BigInt(`0x${first}`),
    last: BigInt(`0x${last}`),
    priority: Number(priority),
    type,
    nonVolatile: nv !== undefined,
    name,
    offset: BigInt(`0x${offset}`),
  };
}

function appendRange(view: Draft, range: FlatRange, line: TextLine): void {
  const previous = view.ranges.at(-1);
  if (range.last < range.first) throw line.error('the range ends before it begins');
  if (previous !== undefined && range.first <= previous.last) throw line.error('the range overlaps the one before');
  view.ranges.push(range);
}

function isFlatRangeType(text: string): text is FlatRangeType {
  return TYPES.includes(text);
}
