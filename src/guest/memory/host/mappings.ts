/** A piece of a process's memory, as the kernel shows it in `/proc/PID/maps`. @internal */
export interface Mapping {
  /** As printed, which is also its name in `/proc/PID/map_files`. */
  readonly range: string;
  readonly first: number;
  /** Exclusive. */
  readonly end: number;
  readonly isReadable: boolean;
  /** What is written shows in the file, and the other way round; a private mapping is a copy of the file. */
  readonly isShared: boolean;
  /** Where `first` lies in the file. */
  readonly offset: number;
  readonly device: bigint;
  /** 0 where no file lies behind. */
  readonly inode: bigint;
}

/** Reads `/proc/PID/maps`: in ascending order, not overlapping. Lines that are of no use are left out. @internal */
export function parseMappings(text: string): readonly Mapping[] {
  return text.split('\n').flatMap((line) => {
    const [range = '', rights = '', offset = '', device = '', inode = ''] = line.split(' ', 5);
    const [first, end] = range.split('-', 2).map((digits) => Number.parseInt(digits, 16));
    // Beyond 2^53 a number is no address any more; Linux maps nothing there unless it is asked to.
    if (first === undefined || end === undefined || !Number.isSafeInteger(first) || !Number.isSafeInteger(end))
      return [];
    const mapping = {
      range,
      first,
      end,
      isReadable: rights[0] === 'r',
      isShared: rights[3] === 's',
      offset: Number.parseInt(offset, 16),
      device: deviceNumber(device),
      inode: BigInt(inode || '0'),
    };
    return Number.isSafeInteger(mapping.offset) ? [mapping] : [];
  });
}

/**
 * The mappings that a piece of memory lies in.
 *
 * @returns undefined when not all of it is mapped and readable
 * @internal
 */
export function mappingsOf(
  all: readonly Mapping[],
  address: number,
  lengthBytes: number,
): readonly [Mapping, ...Mapping[]] | undefined {
  const end = address + lengthBytes;
  const [first, ...others] = all.filter((mapping) => mapping.end > address && mapping.first < end);
  if (first === undefined || first.first > address) return undefined;
  const found: readonly [Mapping, ...Mapping[]] = [first, ...others];
  const isWhole = found.every((mapping, at) => {
    const next = found[at + 1];
    return mapping.isReadable && (next === undefined ? mapping.end >= end : mapping.end === next.first);
  });
  return isWhole ? found : undefined;
}

/**
 * Where a piece of memory lies in the one file that all of it is shared with.
 *
 * @returns undefined when there is no such file
 * @internal
 */
export function sharedFileOffset(found: readonly [Mapping, ...Mapping[]], address: number): number | undefined {
  const [first] = found;
  const isOneFile = found.every(
    ({ isShared, inode, device, offset, first: start }) =>
      isShared &&
      inode !== 0n &&
      inode === first.inode &&
      device === first.device &&
      offset - first.offset === start - first.first,
  );
  return isOneFile ? first.offset + (address - first.first) : undefined;
}

/** `MAJOR:MINOR` as stat(2) has it. */
function deviceNumber(text: string): bigint {
  const [major = 0n, minor = 0n] = text.split(':', 2).map((digits) => BigInt(`0x${digits || '0'}`));
  return ((major & 0xfffn) << 8n) | ((major & ~0xfffn) << 32n) | (minor & 0xffn) | ((minor & ~0xffn) << 12n);
}
