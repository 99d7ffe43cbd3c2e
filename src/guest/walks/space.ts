import type { NestedContext, PagingContext } from '../../paging/index.ts';
import type { MemoryMap } from '../memory/memory-map.ts';
import type { PageCache } from '../memory/page-cache.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';
import type { WritableMemory } from '../memory/write-bits.ts';
import { machineProfile, nestedContextOf, type VcpuState } from '../vcpu/vcpu-state.ts';

/** A second stage as the question has it, and as the machine that runs the guest would judge it. @internal */
export interface NestedStages {
  readonly context: NestedContext;
  readonly onMachine: NestedContext;
}

/**
 * One address space of a guest with all that questions about it need: the vCPU as the question has it, and the ways to memory.
 *
 * @internal
 */
export interface Space {
  readonly state: VcpuState;
  readonly context: PagingContext;
  /** The same with registers that take longer to have (PKRU, PKRS); absent where nothing is missing. */
  readonly complete: (() => Promise<Space>) | undefined;
  /** The same vCPU, judged as the machine that runs the guest would. */
  readonly machineContext: PagingContext;
  /** The second stage; null where there is none. */
  readonly nested: NestedStages | null;
  readonly map: MemoryMap;
  /** For few entries: what is quick for one. */
  readonly memory: PhysicalMemory;
  /** For many: whole pages, each once, from the best provider. Made when first asked for. */
  readonly cache: () => Promise<PageCache>;
  /** Absent where the guest runs: a bit must not be set behind its back. */
  readonly writable: WritableMemory | undefined;
}

/** @throws PagingInputError, as `nestedContextOf`. @internal */
export function nestedStagesOf(state: VcpuState): NestedStages | null {
  const context = nestedContextOf(state);
  const onMachine = nestedContextOf(state, machineProfile(state));
  return context && onMachine && { context, onMachine };
}
