/** What Linux keeps in a piece of linear memory. @public */
export type LinuxAreaKind =
  // Of the kernel: Documentation/arch/x86/x86_64/mm.rst.
  | 'text'
  | 'rodata'
  | 'data'
  | 'bss'
  | 'init'
  /** Of the kernel's image, and in none of its sections. */
  | 'image'
  | 'module'
  | 'modules'
  | 'direct-map'
  | 'vmalloc'
  | 'vmemmap'
  | 'kasan-shadow'
  | 'cpu-entry-area'
  | 'espfix'
  | 'ldt-remap'
  | 'efi'
  | 'fixmap'
  | 'vsyscall'
  // Of a process: its VMAs.
  | 'stack'
  | 'heap'
  | 'anonymous'
  | 'file'
  /** What the kernel maps there itself, by the name that /proc/PID/maps has for it: `[vdso]`. */
  | 'special';

/** A piece of linear memory, and what Linux keeps there. @public */
export interface LinuxArea {
  readonly kind: LinuxAreaKind;
  /** Of a module, of a file with its path, or of a special mapping; null where the kind says all. */
  readonly name: string | null;
  readonly first: bigint;
  /** Inclusive. */
  readonly last: bigint;
}

/** What lies in a range. @internal */
export interface AreasOfRange {
  /** The first of them, each told once. */
  readonly areas: readonly Pick<LinuxArea, 'kind' | 'name'>[];
  /** How many more there are. */
  readonly more: number;
}

/** So many of the areas of a range are told. */
const MOST_TOLD = 4;
const NOTHING: AreasOfRange = { areas: [], more: 0 };

/** Areas by address: pieces that do not overlap, in ascending order. @internal */
export class AreaMap {
  readonly areas: readonly LinuxArea[];

  /** @param layers - the most special first: where areas overlap the earlier layer counts */
  constructor(layers: readonly (readonly LinuxArea[])[]) {
    this.areas = layers.reduce(addBelow, []);
  }

  /** The area that an address lies in; undefined where it lies in none. */
  at(address: bigint): LinuxArea | undefined {
    const area = this.areas[firstEndingAt(this.areas, address)];
    return area !== undefined && area.first <= address ? area : undefined;
  }

  /** What lies between two addresses, both inclusive. */
  over(first: bigint, last: bigint): AreasOfRange {
    const start = firstEndingAt(this.areas, first);
    const found: LinuxArea[] = [];
    const told = new Set<string>();
    for (let at = start; at < this.areas.length; at += 1) {
      const area = this.areas[at] as LinuxArea;
      if (area.first > last) break;
      const key = `${area.kind} ${area.name ?? ''}`;
      if (told.has(key)) continue;
      told.add(key);
      if (found.length < MOST_TOLD) found.push(area);
    }
    return found.length === 0 ? NOTHING : { areas: found, more: told.size - found.length };
  }
}

/** What a layer has where the layers above it have nothing. */
function addBelow(above: readonly LinuxArea[], layer: readonly LinuxArea[]): LinuxArea[] {
  const all = [...above];
  let end = -1n;
  for (const area of [...layer].sort(byFirst)) {
    // What overlaps in one layer, which no sound kernel has: the first counts.
    const from = area.first > end ? area.first : end + 1n;
    if (area.last < from) continue;
    end = area.last;
    all.push(...gapsIn(above, { ...area, first: from }));
  }
  return all.sort(byFirst);
}

function gapsIn(above: readonly LinuxArea[], area: LinuxArea): LinuxArea[] {
  const gaps: LinuxArea[] = [];
  let from = area.first;
  for (let at = firstEndingAt(above, from); at < above.length && from <= area.last; at += 1) {
    const over = above[at] as LinuxArea;
    if (over.first > area.last) break;
    if (over.first > from) gaps.push({ ...area, first: from, last: over.first - 1n });
    from = over.last + 1n;
  }
  if (from <= area.last) gaps.push({ ...area, first: from });
  return gaps;
}

/** The first of them that does not end before an address. */
function firstEndingAt(areas: readonly LinuxArea[], address: bigint): number {
  let low = 0;
  let high = areas.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((areas[middle] as LinuxArea).last < address) low = middle + 1;
    else high = middle;
  }
  return low;
}

function byFirst(one: LinuxArea, other: LinuxArea): number {
  return one.first < other.first ? -1 : one.first > other.first ? 1 : 0;
}
