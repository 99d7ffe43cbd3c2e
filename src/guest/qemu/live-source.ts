import type { InfoRegisters } from '../../../protocols/qmp/index.ts';
import type { SavedRegister, UnavailableCause } from '../causes/unavailable-cause.ts';
import { GuestMemoryError, GuestStateError } from '../errors.ts';
import { compareRunning } from '../memory/host/compare-pages.ts';
import { openHostMemory } from '../memory/host/open-host-memory.ts';
import { openLayeredMemory } from '../memory/host/open-layered-memory.ts';
import { monitorMemory } from '../memory/monitor-memory.ts';
import { FLAT_VIEWS } from '../monitor/monitor.ts';
import type { GuestSource, SourceMemory, SourceVcpu } from '../source/guest-source.ts';
import type { Assumption } from '../vcpu/assumption.ts';
import { assumedHiddenRegisters } from '../vcpu/hidden-registers.ts';
import { assumedMemoryTypes } from '../vcpu/memory-types.ts';
import { assembleVcpuState, contextOf, type VcpuState } from '../vcpu/vcpu-state.ts';
import type { QemuParts } from './paused-source.ts';

/** A vCPU that runs on shows one register after the other. */
const TAKEN_LIVE: Assumption = {
  name: 'moment',
  value: null,
  cause: { code: 'ran-while-read' },
  decides: true,
};

/**
 * A QEMU that goes on running while it is asked: registers from the monitor, memory from this host. Nothing is paused, and
 * nothing can be written.
 *
 * @internal
 */
export function liveSource({ link: { monitor, peer }, cpus, processor, kernels, memory }: QemuParts): GuestSource {
  return {
    vcpus: cpus.map(({ index }) => index),
    notes: [TAKEN_LIVE],
    kernels,
    checkStages,
    async readVcpu(cpu) {
      const [shown, mtree] = await Promise.all([monitor.registers(cpu), monitor.hmp(FLAT_VIEWS)]);
      return {
        state: assembleVcpuState(shown, registersOf(shown), processor, 'monitor'),
        map: memory.maps.select(mtree, cpu, shown.smm),
        readHidden: () => Promise.resolve(assumedHiddenRegisters(savedOnlyWhenPaused)),
      };
    },
    /** @throws GuestMemoryError `ERR_GUEST_MEMORY` when this host does not have the guest's memory. */
    async openMemory({ state, map }: SourceVcpu): Promise<SourceMemory> {
      const host = await openHostMemory(monitor, map, peer, memory.places);
      const root = contextOf(state).rootAddress;
      const opened = await openLayeredMemory(host, monitorMemory(monitor), map, compareRunning, root);
      const { provider, attempts } = opened;
      // The monitor gives some pages, a thousandth as fast; a whole address space would take too long.
      if (provider !== undefined) return { ...opened, report: { provider, attempts } };
      opened[Symbol.dispose]();
      throw new GuestMemoryError(
        'a running guest can be walked only with its memory at hand; pause it instead',
        attempts,
      );
    },
    readMemoryTypes: () => Promise.resolve(assumedMemoryTypes(savedOnlyWhenPaused('memoryTypes'))),
  };
}

/** L2's CR3 would be walked as if it were L1's. */
function checkStages({ nested, cpu }: VcpuState): void {
  if (nested.from !== 'assumed') return;
  throw new GuestStateError(
    `vCPU ${cpu} may run a nested guest (EFER.SVME=1), and whether it does is in the device state, which cannot be saved while the guest runs. Pass the root of its second stage (--nested npt:ROOT), or "none" if it runs no nested guest (--nested none), or pause it instead`,
  );
}

function savedOnlyWhenPaused(register: SavedRegister): UnavailableCause {
  return { code: 'saved-only-when-paused', register };
}

/** By the names that the stub's target description has for them. */
function registersOf(shown: InfoRegisters): ReadonlyMap<string, bigint> {
  const { cr0, cr3, cr4, efer, rflags, segments } = shown;
  return new Map([
    ['cr0', cr0],
    ['cr3', cr3],
    ['cr4', cr4],
    ['efer', efer],
    ['eflags', rflags],
    ['cs', BigInt(segments.cs.selector)],
    ['ss', BigInt(segments.ss.selector)],
  ]);
}
