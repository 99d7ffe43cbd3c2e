import type { KernelEntry, KernelOutcome, KernelPage, KernelTable } from './manifest.ts';

/** Table and index at each level, top-down. */
export type Path = readonly (readonly [KernelTable, number])[];

/** States a table from `index: value` pairs. */
export function table(
  name: string,
  shape: {
    readonly level: number;
    readonly address: bigint;
    readonly entrySizeBytes: 4 | 8;
    readonly entryCount: number;
  },
  entries: Readonly<Record<number, bigint>>,
): KernelTable {
  const pairs = Object.entries(entries).map(([index, value]) => [Number(index), value] as const);
  return { name, ...shape, entries: new Map(pairs) };
}

/** The linear address that selects these indexes. */
export function linearAddress(path: Path, format: { readonly linearBits: 32 | 48 | 57 }): bigint {
  const address = path.reduce((sum, [{ level, entrySizeBytes }, index]) => {
    const shift = 12 + (level - 1) * (entrySizeBytes === 8 ? 9 : 10);
    return sum | (BigInt(index) << BigInt(shift));
  }, 0n);
  return format.linearBits === 32 ? address : BigInt.asUintN(64, BigInt.asIntN(format.linearBits, address));
}

/** Under which circumstances a page's outcome is what is stated. */
export type PageConditions = Pick<KernelPage, 'only' | 'needs' | 'physicalBits'>;

/** States a page from the way to it. A recursive way visits a table at a level that is not the table's own. */
export function page(
  name: string,
  path: Path,
  format: { readonly levels: number; readonly linearBits: 32 | 48 | 57 },
  outcome: KernelOutcome,
  conditions: PageConditions = {},
): KernelPage {
  const visited = path.map(([visitedTable, index], depth) => {
    return [{ ...visitedTable, level: format.levels - depth }, index] as const;
  });
  return { name, address: linearAddress(visited, format), path: visited.map(entryAt), outcome, ...conditions };
}

function entryAt([{ name, level, address, entrySizeBytes, entries }, index]: readonly [
  KernelTable,
  number,
]): KernelEntry {
  return {
    table: name,
    level,
    index,
    address: address + BigInt(index * entrySizeBytes),
    value: entries.get(index) ?? 0n,
  };
}

/** `rwux` as in `ls -l`: writable, for users, executable; absent letters are absent rights. */
export function mapped(
  physicalAddress: bigint,
  sizeBytes: number,
  rights: string,
  more: { readonly protectionKey?: number; readonly memory?: 'ram' | 'device' | 'none' } = {},
): KernelOutcome {
  return {
    kind: 'mapped',
    physicalAddress,
    sizeBytes,
    writable: rights.includes('w'),
    user: rights.includes('u'),
    executable: rights.includes('x'),
    protectionKey: more.protectionKey ?? 0,
    memory: more.memory ?? 'ram',
  };
}

export function notPresent(level: number): KernelOutcome {
  return { kind: 'not-present', level };
}

export function reserved(level: number): KernelOutcome {
  return { kind: 'reserved', level };
}

export function outsideRam(level: number, address: bigint, memory: 'rom' | 'device' | 'none'): KernelOutcome {
  return { kind: 'table-outside-ram', level, address, memory };
}
