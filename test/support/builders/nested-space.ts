import { MemoryMap } from '../../../src/guest/memory/memory-map.ts';
import { PageCache } from '../../../src/guest/memory/page-cache.ts';
import { sourced } from '../../../src/guest/vcpu/sourced.ts';
import { contextOf, machineProfile, type VcpuState } from '../../../src/guest/vcpu/vcpu-state.ts';
import { nestedStagesOf, type Space } from '../../../src/guest/walks/space.ts';
import type { NptRegisters } from '../../../src/paging/index.ts';
import { FakeMemory } from '../fakes/fake-memory.ts';
import { region } from '../fakes/region.ts';
import { vcpuStateWith } from '../fakes/sourced-state.ts';

/** RAM up to here, and nothing above. */
const RAM_BYTES = 0x3_0000;

/** The hypervisor's registers for the nested tables of `hand-made-stages`. @internal */
export const HAND_MADE_HOST: NptRegisters = { cr0: 0x8001_0011n, nestedCr3: 0x1_0000n, cr4: 0x20n, efer: 0xd00n };

/** A vCPU that runs a nested guest (L2), on the tables of `hand-made-stages`. @internal */
export function nestedVcpuStateWith(
  replaced: Partial<VcpuState> = {},
  registers: NptRegisters = HAND_MADE_HOST,
): VcpuState {
  return vcpuStateWith({
    vendor: sourced('amd', 'qom', 'cpu.vendor'),
    accelerator: sourced('tcg', 'monitor', 'query-kvm'),
    nested: sourced({ kind: 'npt', registers }, 'device-state', 'cpu/svn_npt'),
    ...replaced,
  });
}

/** The address space of a vCPU in memory that holds these entries, 8 bytes each, and else zeros. @internal */
export function nestedSpace(
  state: VcpuState,
  entries: Readonly<Record<string, bigint>>,
): { readonly space: Space; readonly memory: FakeMemory } {
  const memory = new FakeMemory(RAM_BYTES);
  for (const [address, value] of Object.entries(entries)) memory.setEntry(Number(address), value);
  const map = new MemoryMap([region('ram', 0n, BigInt(RAM_BYTES - 1))]);
  const cache = new PageCache(memory, map);
  const space: Space = {
    state,
    context: contextOf(state),
    machineContext: contextOf(state, machineProfile(state)),
    nested: nestedStagesOf(state),
    map,
    memory,
    complete: undefined,
    cache: () => Promise.resolve(cache),
    writable: memory,
  };
  return { space, memory };
}
