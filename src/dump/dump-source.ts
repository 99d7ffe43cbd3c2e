/// <reference lib="esnext.disposable" preserve="true" />
import { type Assumption, type GuestSource, MemoryMap, type Region, type VcpuState } from '../guest/index.ts';
import type { EntrySource } from '../paging/index.ts';
import { dumpMemory } from './dump-memory.ts';
import { DumpRegistersError } from './errors.ts';
import type { ByteSource } from './file/byte-source.ts';
import type { PhysicalSpan } from './file/file-ranges.ts';
import { PlainFile } from './file/plain-file.ts';
import type { DumpImage } from './formats/dump-image.ts';
import { openImage } from './formats/open-image.ts';
import { findKernelRoot } from './registers/kernel-root.ts';
import { kernelVcpuState } from './registers/kernel-vcpu.ts';
import { notedVcpu } from './registers/noted-vcpu.ts';
import { readRegistersFile, type SavedRegisters } from './registers/registers-file.ts';
import { dumpedVcpuState } from './registers/vcpu-state.ts';

/** What a dump may be opened with. @public */
export interface DumpOptions {
  /**
   * A file with the registers: what QEMU's `info registers -a` printed, or lines of `pagewalk state --json`. They are taken instead
   * of those in the dump. Raw memory and LiME have none.
   */
  readonly registersFile?: string;
}

/** What lies outside of what a dump holds: a device, or memory that was left out, or nothing. */
const ELSEWHERE = 'not in the dump';

/** @throws as `openDump`. @internal */
export function dumpSource(name: string, { registersFile }: DumpOptions = {}): GuestSource {
  const saved = registersFile === undefined ? null : readRegistersFile(registersFile);
  const file = new PlainFile(name);
  const close = (): void => file[Symbol.dispose]();
  try {
    return { ...sourceOfBytes(file, saved), [Symbol.dispose]: close };
  } catch (error) {
    close();
    throw error;
  }
}

/** The same of bytes, wherever they are. @internal */
export function sourceOfBytes(bytes: ByteSource, saved: SavedRegisters | null): GuestSource {
  const image = openImage(bytes);
  const states = statesOf(image, saved, bytes.name);
  const map = mapOf(image.spans, saved?.regions ?? null);
  // Grows: what was left out is known when it is read.
  const notes: Assumption[] = [];
  const memory = dumpMemory(image, () =>
    notes.push({ name: 'leftOut', value: null, cause: { code: 'left-out' }, decides: true }),
  );
  return {
    vcpus: states.map(({ cpu }) => cpu),
    notes,
    async readVcpu(cpu) {
      const state = states.find((each) => each.cpu === cpu);
      if (state === undefined) throw new RangeError(`no vCPU ${cpu} is in this dump`);
      return { state, map };
    },
    openMemory: async () => ({ memory, report: { provider: 'dump', attempts: [] } }),
  };
}

function statesOf(image: DumpImage, saved: SavedRegisters | null, name: string): readonly VcpuState[] {
  const vcpus = saved?.vcpus ?? image.notes.cpus.map(notedVcpu);
  if (vcpus.length > 0) {
    const facts = { memory: entriesOf(image), lastAddress: image.spans.at(-1)?.last ?? 0 };
    const states = vcpus.map((vcpu) => dumpedVcpuState(vcpu, facts));
    return states.sort((one, other) => one.cpu - other.cpu);
  }
  const root = findKernelRoot(image);
  if (root !== null) return [kernelVcpuState(root)];
  throw new DumpRegistersError(
    name,
    `is a dump (${image.format}) without registers, and holds no VMCOREINFO of a Linux, by which its page tables are found: ` +
      'give --registers FILE with what info registers -a prints, or pagewalk state --json',
  );
}

/** Entries for walks before there is a view. */
function entriesOf(image: DumpImage): EntrySource {
  const map = mapOf(image.spans, null);
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  return {
    readEntry(address, sizeBytes) {
      if (!map.isReadable(Number(address), sizeBytes)) return null;
      image.readInto(Number(address), bytes.subarray(0, sizeBytes));
      return sizeBytes === 8 ? view.getBigUint64(0, true) : BigInt(view.getUint32(0, true));
    },
  };
}

/** @param saved - the memory map as a live guest had it: what lies where, by name */
function mapOf(spans: readonly PhysicalSpan[], saved: readonly Region[] | null): MemoryMap {
  const held = spans.map(({ first, last }) => ({ first: BigInt(first), last: BigInt(last) }));
  if (saved === null) {
    return new MemoryMap(
      held.map((span) => ({ kind: 'ram', name: '', offset: 0n, ...span })),
      ELSEWHERE,
    );
  }
  return new MemoryMap(saved.flatMap((region) => (isMemory(region) ? partsOf(region, held) : [region])));
}

function isMemory({ kind }: Region): boolean {
  return kind === 'ram' || kind === 'rom';
}

/** What of a region the dump holds, and what it lacks. */
function partsOf(region: Region, held: readonly Pick<Region, 'first' | 'last'>[]): readonly Region[] {
  const parts: Region[] = [];
  let next = region.first;
  const lacks = (last: bigint): void => {
    if (last >= next) parts.push({ kind: 'none', name: ELSEWHERE, first: next, last, offset: 0n });
  };
  for (const { first, last } of held) {
    if (first > region.last || last < region.first) continue;
    const from = first > region.first ? first : region.first;
    lacks(from - 1n);
    const to = last < region.last ? last : region.last;
    parts.push({ ...region, first: from, last: to });
    next = to + 1n;
  }
  lacks(region.last);
  return parts;
}
