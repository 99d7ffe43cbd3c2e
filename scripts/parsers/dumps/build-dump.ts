import { deflateSync } from 'node:zlib';

/** Guest memory and registers, of which dumps of every format are made. */
export interface DumpParts {
  /** Pieces of memory, by where they are. */
  readonly memory: readonly { readonly address: number; readonly bytes: Buffer }[];
  readonly vcpus: readonly NotedRegisters[];
  readonly vmcoreinfo?: string;
  /** Of 64 bits unless given. */
  readonly isNarrow?: boolean;
}

/** What QEMU notes of a vCPU, as far as it matters. */
export interface NotedRegisters {
  readonly cr0: bigint;
  readonly cr3: bigint;
  readonly cr4: bigint;
  readonly rip: bigint;
  readonly csFlags: number;
  readonly ssFlags?: number;
  readonly idt?: bigint;
}

const PAGE_BYTES = 4096;

function note(name: string, type: number, description: Buffer): Buffer {
  const header = Buffer.alloc(12);
  const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
  header.writeUInt32LE(name.length + 1, 0);
  header.writeUInt32LE(description.length, 4);
  header.writeUInt32LE(type, 8);
  return Buffer.concat([header, padded(Buffer.from(`${name}\0`, 'latin1')), padded(description)]);
}

function cpuNote({ cr0, cr3, cr4, rip, csFlags, ssFlags = 0, idt = 0n }: NotedRegisters): Buffer {
  const bytes = Buffer.alloc(440);
  bytes.writeUInt32LE(1, 0);
  bytes.writeUInt32LE(440, 4);
  bytes.writeBigUInt64LE(rip, 8 + 16 * 8);
  bytes.writeBigUInt64LE(2n, 8 + 17 * 8);
  bytes.writeUInt32LE(0x18, 152);
  bytes.writeUInt32LE(csFlags, 152 + 8);
  bytes.writeUInt32LE(0x10, 152 + 5 * 24);
  bytes.writeUInt32LE(ssFlags, 152 + 5 * 24 + 8);
  bytes.writeBigUInt64LE(idt, 152 + 9 * 24 + 16);
  bytes.writeBigUInt64LE(cr0, 392);
  bytes.writeBigUInt64LE(cr3, 392 + 24);
  bytes.writeBigUInt64LE(cr4, 392 + 32);
  return bytes;
}

/** The notes of a dump, as QEMU puts them. */
export function buildNotes({ vcpus, vmcoreinfo, isNarrow = false }: DumpParts): Buffer {
  const status = (cpu: number): Buffer => {
    const bytes = Buffer.alloc(isNarrow ? 144 : 336);
    bytes.writeUInt32LE(cpu + 1, isNarrow ? 24 : 32);
    return bytes;
  };
  return Buffer.concat([
    ...vcpus.map((_, cpu) => note('CORE', 1, status(cpu))),
    ...vcpus.map((vcpu) => note('QEMU', 0, cpuNote(vcpu))),
    ...(vmcoreinfo === undefined ? [] : [note('VMCOREINFO', 0, Buffer.from(vmcoreinfo, 'latin1'))]),
  ]);
}

/** What is odd about an ELF core. */
export interface ElfOddities {
  /** The number of segments is where PN_XNUM says, and there are so many empty ones besides. */
  readonly emptySegments?: number;
}

/** An ELF core, as `dump-guest-memory` writes it. */
export function buildElf(parts: DumpParts, { emptySegments }: ElfOddities = {}): Buffer {
  const { memory, isNarrow = false } = parts;
  const notes = buildNotes(parts);
  const entryBytes = isNarrow ? 32 : 56;
  const count = 1 + memory.length + (emptySegments ?? 0);
  const header = Buffer.alloc(64);
  header.write('\x7fELF', 0, 'latin1');
  header[4] = isNarrow ? 1 : 2;
  header[5] = 1;
  header.writeUInt16LE(4, 16);
  header.writeUInt16LE(isNarrow ? 3 : 62, 18);
  const sections = 64 + count * entryBytes;
  if (isNarrow) {
    header.writeUInt32LE(64, 28);
    header.writeUInt32LE(sections, 32);
  } else {
    header.writeBigUInt64LE(64n, 32);
    header.writeBigUInt64LE(BigInt(sections), 40);
  }
  header.writeUInt16LE(entryBytes, isNarrow ? 42 : 54);
  header.writeUInt16LE(emptySegments === undefined ? count : 0xffff, isNarrow ? 44 : 56);
  const section = Buffer.alloc(64);
  section.writeUInt32LE(count, isNarrow ? 28 : 44);
  let offset = sections + section.length;
  const segment = (type: number, address: number, lengthBytes: number): Buffer => {
    const bytes = Buffer.alloc(entryBytes);
    bytes.writeUInt32LE(type, 0);
    for (const [at, value] of [offset, 0, address, lengthBytes].entries()) {
      if (isNarrow) bytes.writeUInt32LE(value, 4 + 4 * at);
      else bytes.writeBigUInt64LE(BigInt(value), 8 + 8 * at);
    }
    offset += lengthBytes;
    return bytes;
  };
  const segments = [
    segment(4, 0, notes.length),
    ...Array.from({ length: emptySegments ?? 0 }, () => Buffer.alloc(entryBytes)),
    ...memory.map(({ address, bytes }) => segment(1, address, bytes.length)),
  ];
  return Buffer.concat([header, ...segments, section, notes, ...memory.map(({ bytes }) => bytes)]);
}

/** Packs a page, and says how. */
export type PackPage = (page: Buffer) => { readonly bytes: Buffer; readonly flags: number };

/** As QEMU does it: not at all where that would not make it smaller. */
export const packZlib: PackPage = (page) => {
  const bytes = deflateSync(page);
  return bytes.length < page.length ? { bytes, flags: 1 } : { bytes: page, flags: 0 };
};

/** What is odd about a kdump-compressed file. */
export interface KdumpOddities {
  readonly pack?: PackPage;
  /** Addresses of pages that the machine has and the file lacks. */
  readonly leftOut?: readonly number[];
  /** As utsname has it; QEMU writes `Unknown` where the guest has not told. */
  readonly machine?: string;
}

/** A kdump-compressed file that is not flattened. */
export function buildKdump(parts: DumpParts, { pack = packZlib, leftOut = [], machine }: KdumpOddities = {}): Buffer {
  const { memory, isNarrow = false } = parts;
  const pages = new Map<number, Buffer>();
  for (const { address, bytes } of memory) {
    for (let at = 0; at < bytes.length; at += PAGE_BYTES) {
      pages.set((address + at) / PAGE_BYTES, bytes.subarray(at, at + PAGE_BYTES));
    }
  }
  const numbers = [...pages.keys()].sort((one, other) => one - other);
  const here = numbers.filter((page) => !leftOut.includes(page * PAGE_BYTES));
  const maxPage = (numbers.at(-1) ?? 0) + 1;
  const half = Math.ceil(maxPage / 8 / PAGE_BYTES) * PAGE_BYTES;
  const bitmapOf = (present: readonly number[]): Buffer => {
    const bytes = Buffer.alloc(half);
    for (const page of present) bytes[page >> 3] = (bytes[page >> 3] ?? 0) | (1 << (page & 7));
    return bytes;
  };
  const notes = buildNotes(parts);
  const subBlocks = 1 + Math.ceil(notes.length / PAGE_BYTES);
  const header = Buffer.alloc(PAGE_BYTES);
  header.write('KDUMP   ', 0, 'latin1');
  header.writeUInt32LE(6, 8);
  header.write(machine ?? (isNarrow ? 'i686' : 'x86_64'), 12 + 4 * 65, 'latin1');
  const at = isNarrow ? 412 : 424;
  header.writeUInt32LE(PAGE_BYTES, at + 4);
  header.writeUInt32LE(subBlocks, at + 8);
  header.writeUInt32LE((2 * half) / PAGE_BYTES, at + 12);
  header.writeUInt32LE(maxPage, at + 16);
  const sub = Buffer.alloc(subBlocks * PAGE_BYTES);
  sub.writeBigUInt64LE(BigInt(2 * PAGE_BYTES), isNarrow ? 32 : 48);
  sub.writeUInt32LE(notes.length, isNarrow ? 40 : 56);
  sub.writeBigUInt64LE(BigInt(maxPage), isNarrow ? 72 : 96);
  notes.copy(sub, PAGE_BYTES);
  const descriptors = Buffer.alloc(24 * here.length);
  const packed: Buffer[] = [];
  let offset = PAGE_BYTES + sub.length + 2 * half + descriptors.length;
  here.forEach((page, index) => {
    const { bytes, flags } = pack(pages.get(page) ?? Buffer.alloc(PAGE_BYTES));
    descriptors.writeBigUInt64LE(BigInt(offset), 24 * index);
    descriptors.writeUInt32LE(bytes.length, 24 * index + 8);
    descriptors.writeUInt32LE(flags, 24 * index + 12);
    packed.push(bytes);
    offset += bytes.length;
  });
  return Buffer.concat([header, sub, bitmapOf(numbers), bitmapOf(here), descriptors, ...packed]);
}

/** The same as makedumpfile's flattened stream, in pieces of some size; the first of them comes last, and once more before. */
export function flatten(file: Buffer, pieceBytes = 10_000): Buffer {
  const header = Buffer.alloc(4096);
  header.write('makedumpfile', 0, 'latin1');
  header.writeBigUInt64BE(1n, 16);
  header.writeBigUInt64BE(1n, 24);
  const segment = (start: number, bytes: Buffer): Buffer => {
    const place = Buffer.alloc(16);
    place.writeBigUInt64BE(BigInt(start), 0);
    place.writeBigUInt64BE(BigInt(bytes.length), 8);
    return Buffer.concat([place, bytes]);
  };
  const segments: Buffer[] = [];
  for (let start = 0; start < file.length; start += pieceBytes) {
    segments.push(segment(start, file.subarray(start, start + pieceBytes)));
  }
  const [first = Buffer.alloc(0), ...others] = segments;
  const draft = Buffer.concat([first.subarray(0, 16), Buffer.alloc(first.length - 16, 0xee)]);
  return Buffer.concat([header, draft, ...others, first, Buffer.alloc(16, 0xff)]);
}

/** As LiME writes it. */
export function buildLime({ memory }: DumpParts): Buffer {
  return Buffer.concat(
    memory.flatMap(({ address, bytes }) => {
      const header = Buffer.alloc(32);
      header.writeUInt32LE(0x4c694d45, 0);
      header.writeUInt32LE(1, 4);
      header.writeBigUInt64LE(BigInt(address), 8);
      header.writeBigUInt64LE(BigInt(address + bytes.length - 1), 16);
      return [header, bytes];
    }),
  );
}
