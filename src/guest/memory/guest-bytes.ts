import { formatHex } from '../../paging/index.ts';
import { type GuestAccess, GuestAccessError, GuestUsageError } from '../errors.ts';
import type { MemoryMap, Region } from './memory-map.ts';
import type { MemoryPiece, PhysicalMemory } from './physical-memory.ts';
import type { WritableMemory } from './write-bits.ts';

const PAGE_BYTES = 4096;
/** What one question may ask for: the answer is held in memory, and the guest may be paused for it. */
const MAX_BYTES = 64 * 1024 * 1024;
const END = 1n << 64n;
const PHYSICAL_END = 1n << 52n;

/** A piece of guest memory within a page, and where it is in the question. @internal */
export interface BytesPart {
  /** The address as it was asked for: linear, or the physical one. */
  readonly address: bigint;
  readonly physical: number;
  readonly at: number;
  readonly lengthBytes: number;
}

/** What is asked for, without what turns out to be the problem. */
type Asked = Omit<GuestAccess, 'problemAddress'>;

/** @throws GuestUsageError `ERR_GUEST_USAGE` for a range that is none, or too long. @internal */
export function requireBytes({ space, address, lengthBytes }: Asked): void {
  const end = space === 'virtual' ? END : PHYSICAL_END;
  if (!Number.isSafeInteger(lengthBytes) || lengthBytes < 0 || lengthBytes > MAX_BYTES) {
    throw new GuestUsageError(`${lengthBytes} bytes are not asked for at once: 0 to ${MAX_BYTES} are`);
  }
  if (address < 0n || address + BigInt(lengthBytes) > end) {
    throw new GuestUsageError(
      `${lengthBytes} bytes from ${formatHex(address)} on go beyond the end of ${space} addresses`,
    );
  }
}

/** Splits a range at the ends of pages. @internal */
export function partsOf({
  address,
  lengthBytes,
}: Pick<Asked, 'address' | 'lengthBytes'>): Omit<BytesPart, 'physical'>[] {
  const parts: Omit<BytesPart, 'physical'>[] = [];
  for (let at = 0; at < lengthBytes; ) {
    const first = address + BigInt(at);
    const rest = PAGE_BYTES - Number(first & 0xfffn);
    const length = Math.min(rest, lengthBytes - at);
    parts.push({ address: first, at, lengthBytes: length });
    at += length;
  }
  return parts;
}

/**
 * Reads parts out of RAM and ROM, all in one flight. Device memory may change when it is looked at.
 *
 * @throws GuestAccessError `ERR_GUEST_ACCESS` before anything is read.
 * @internal
 */
export async function readParts(
  asked: Asked,
  parts: readonly BytesPart[],
  memory: PhysicalMemory,
  map: MemoryMap,
): Promise<Uint8Array> {
  const pieces = parts.flatMap((part) => {
    const readable = map.readableParts(part.physical, part.lengthBytes);
    const hole = firstHole(part, readable);
    if (hole !== undefined) throw refusal(asked, part, hole, map.regionAt(BigInt(hole)));
    return readable.map((piece) => ({ piece, at: part.at + (piece.address - part.physical) }));
  });
  const bytes = new Uint8Array(asked.lengthBytes);
  const read = await memory.read(pieces.map(({ piece }) => piece));
  pieces.forEach(({ at }, index) => {
    bytes.set(read[index] ?? new Uint8Array(), at);
  });
  return bytes;
}

/** @returns the first address of a part that is not readable */
function firstHole({ physical, lengthBytes }: BytesPart, readable: readonly MemoryPiece[]): number | undefined {
  let next = physical;
  for (const { address, lengthBytes: length } of readable) {
    if (address > next) return next;
    next = address + length;
  }
  return next < physical + lengthBytes ? next : undefined;
}

/**
 * Writes parts in RAM: all of them or, where one cannot be written or does not read back, none.
 *
 * @throws GuestAccessError `ERR_GUEST_ACCESS`, and what writing failed with: memory is as it was, unless the error says otherwise.
 * @internal
 */
export async function writeParts(
  asked: Asked,
  parts: readonly BytesPart[],
  bytes: Uint8Array,
  memory: WritableMemory,
  map: MemoryMap,
): Promise<void> {
  for (const part of parts) {
    if (!map.isWritable(part.physical, part.lengthBytes)) {
      const stranger = strangerIn(part, map);
      throw refusal(asked, part, stranger, map.regionAt(BigInt(stranger)));
    }
  }
  const before = await readParts(asked, parts, memory, map);
  let readBack: Uint8Array;
  try {
    readBack = await writeAndRead(asked, parts, bytes, memory, map);
  } catch (cause) {
    if (await isPutBack(asked, parts, before, memory, map)) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new GuestAccessError({ ...asked, problemAddress: asked.address }, `${why}; ${NOT_PUT_BACK}`, { cause });
  }
  const wrong = readBack.findIndex((byte, at) => byte !== bytes[at]);
  if (wrong < 0) return;
  const problemAddress = asked.address + BigInt(wrong);
  const then = (await isPutBack(asked, parts, before, memory, map)) ? 'everything was put back' : NOT_PUT_BACK;
  throw new GuestAccessError(
    { ...asked, problemAddress },
    `what is read at ${formatHex(problemAddress)} afterwards is not what was written; ${then}`,
  );
}

const NOT_PUT_BACK = 'some of it may have been written, and what was there before could not be put back';

/** Writes what was there before. @returns whether it is there */
async function isPutBack(
  asked: Asked,
  parts: readonly BytesPart[],
  before: Uint8Array,
  memory: WritableMemory,
  map: MemoryMap,
): Promise<boolean> {
  const found = await writeAndRead(asked, parts, before, memory, map).catch(() => undefined);
  return found?.every((byte, at) => byte === before[at]) ?? false;
}

/** Writes and the reads that check them leave together, and take effect in order. All have ended when this has. */
async function writeAndRead(
  asked: Asked,
  parts: readonly BytesPart[],
  bytes: Uint8Array,
  memory: WritableMemory,
  map: MemoryMap,
): Promise<Uint8Array> {
  await memory.prepare?.();
  const writes = parts.map(({ physical, at, lengthBytes }) =>
    memory.write(physical, bytes.subarray(at, at + lengthBytes)),
  );
  const [readBack, ...written] = await Promise.allSettled([readParts(asked, parts, memory, map), ...writes]);
  for (const outcome of written) if (outcome.status === 'rejected') throw outcome.reason;
  if (readBack.status === 'rejected') throw readBack.reason;
  return readBack.value;
}

/** The first address of a part that is not RAM, or its first where it lies in several regions. */
function strangerIn({ physical, lengthBytes }: BytesPart, map: MemoryMap): number {
  for (let at = physical; at < physical + lengthBytes; ) {
    if (!map.isWritable(at, 1)) return at;
    at = Number(map.regionAt(BigInt(at)).last) + 1;
  }
  return physical;
}

const WHAT_LIES_THERE: Readonly<Record<Region['kind'], string>> = {
  ram: 'RAM',
  rom: 'ROM',
  device: 'device memory',
  none: 'nothing',
};

function refusal(
  asked: Asked,
  { address, physical }: BytesPart,
  hole: number,
  { kind, name }: Region,
): GuestAccessError {
  const problemAddress = address + BigInt(hole - physical);
  const leads =
    asked.space === 'virtual'
      ? `${formatHex(problemAddress)} leads to ${formatHex(hole)}, where there`
      : `at ${formatHex(hole)} there`;
  const what = `${WHAT_LIES_THERE[kind]}${name === '' ? '' : ` (${name})`}`;
  const rule = asked.operation === 'read' ? 'only RAM and ROM are read' : 'only RAM is written';
  return new GuestAccessError({ ...asked, problemAddress }, `${leads} is ${what}, and ${rule}`);
}
