import type { KnownKernels } from '../../linux/internal.ts';
import type { MemoryAttempt } from '../errors.ts';
import type { MemoryMap } from '../memory/memory-map.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';
import type { WritableMemory } from '../memory/write-bits.ts';
import type { SourceName } from '../source-names.ts';
import type { Assumption } from '../vcpu/assumption.ts';
import type { HiddenRegisters } from '../vcpu/hidden-registers.ts';
import type { MemoryTypeMsrs } from '../vcpu/memory-types.ts';
import type { Sourced } from '../vcpu/sourced.ts';
import type { VcpuState } from '../vcpu/vcpu-state.ts';

/** One vCPU, and the memory that it sees. @public */
export interface SourceVcpu {
  /** Every value with where it comes from; what the source does not have is `assumed`, with the reason. */
  readonly state: VcpuState;
  /** What lies at each guest physical address, as this vCPU sees it. vCPUs that see the same have the same object. */
  readonly map: MemoryMap;
  /**
   * Reads what takes longer and few questions need; called once, and only if a question needs it. Where it is absent these values
   * are assumed, unless the state has them.
   */
  readonly readHidden?: () => Promise<HiddenRegisters>;
}

/** How memory is read, and why not in a better way. @public */
export interface MemoryReport {
  readonly provider: SourceName;
  /** The better ways, and why each is not used. */
  readonly attempts: readonly MemoryAttempt[];
}

/** A way to physical memory, and what is to be said of it. @public */
export interface SourceMemory {
  readonly memory: PhysicalMemory;
  readonly report: MemoryReport;
  /** Gives back what was opened for it. */
  readonly [Symbol.dispose]?: () => void;
}

/**
 * Where a guest comes from, at one moment: a QEMU that is paused or runs, tables that were kept, a dump, a program's own buffers.
 * {@link GuestView} asks every question of it, and no question knows which it is.
 *
 * A source *is* four things: vCPU states, a map of memory, physical memory, notes. What it *can* do besides is optional, and
 * its absence is the whole of the answer: where `writable` is absent no bit can be set.
 *
 * To add a source:
 *
 * 1. Give it a file or a folder of its own here, with a function that returns a `GuestSource`; `given-source.ts` is the
 *    smallest. `vcpuStateOf` makes a {@link VcpuState} of plain registers, and says which values it had to assume.
 * 2. If values and memory come from somewhere new, add its name to `source-names.ts`: the name stands in every answer.
 * 3. Export the function from `src/guest/index.ts`. For the command line, give it a file in `src/cli/options/sources/` and its line
 *    in `sources.ts` there: options, help and every command follow by themselves.
 *
 * Rules:
 *
 * - Values that change are of one moment, or a note says that they are not. A value that is unavailable is assumed and says why;
 *   it is never made up in silence.
 * - `memory.read` is called for pieces that the map has as RAM or ROM, and for no others: many at once, in any order. One call
 *   is one flight; do not read piece by piece what can travel together.
 * - Whatever the source opens is closed by `[Symbol.dispose]`, of the memory or of the source.
 * - Sizes and addresses that a file or a peer names are claims: a `MemoryMap` bounds what is read.
 *
 * @public
 */
export interface GuestSource {
  /** The numbers of the vCPUs: they may have gaps. */
  readonly vcpus: readonly number[];
  /** What every answer rests on besides. Nothing unless given. */
  readonly notes?: readonly Assumption[];
  /** Reads one vCPU of `vcpus`; called once for each. */
  readVcpu(cpu: number): Promise<SourceVcpu>;
  /** Opens the best way to read many pages; called once for each memory map. */
  openMemory(vcpu: SourceVcpu): Promise<SourceMemory>;

  /** A way to few entries that is quicker than opening memory. It does not see what only a vCPU in SMM sees. */
  readonly fewEntries?: PhysicalMemory;
  /** Memory that may be written: accessed and dirty bits are set through it. Absent where the guest runs, or is a file. */
  readonly writable?: WritableMemory;
  /** Other memory than accessed and dirty bits may be written, too: who opened the source has said so. */
  readonly allowsWrites?: boolean;
  /** The guest is paused to be asked, so what takes long is better kept and asked afterwards. */
  readonly pause?: SourcePause;
  /** Reads PAT and MTRRs. Where it is absent they are assumed. */
  readMemoryTypes?(vcpu: SourceVcpu): Promise<Sourced<MemoryTypeMsrs>>;
  /** Names of kernels, kept from view to view. @internal */
  readonly kernels?: KnownKernels;
  /** @throws when what it does not know of a vCPU would make another address space of it. */
  checkStages?(state: VcpuState): void;
  /** The view is not used any more. */
  [Symbol.dispose]?(): void;
}

/** A pause that lasts while a source is asked. @public */
export interface SourcePause {
  /** @throws GuestRunStateError when it is over, or was interrupted: what was read can no longer be trusted. */
  check(): void;
  /** Lets in the news that it was interrupted, at the end of a question; where it is absent a turn of the event loop does. */
  hearNews?(): Promise<void>;
}
