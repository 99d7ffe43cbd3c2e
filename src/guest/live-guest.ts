import { type InfoRegisters, parseFlatViews } from '../../protocols/qmp/index.ts';
import type { Assumption } from './answers/assumption.ts';
import { GuestMemoryError } from './errors.ts';
import { GuestView, type Vcpu, type ViewMemory } from './guest-view.ts';
import { selectMemoryMap } from './memory/memory-map.ts';
import { monitorMemory } from './memory/monitor-memory.ts';
import { openHostMemory } from './memory/open-host-memory.ts';
import type { PhysicalMemory } from './memory/physical-memory.ts';
import { compareRootTable } from './memory/verify-memory.ts';
import { FLAT_VIEWS, type Monitor, type MonitorCpu } from './monitor/monitor.ts';
import { checkCpu } from './paused-guest.ts';
import type { Peer } from './peer/peer.ts';
import { assumedHiddenRegisters } from './vcpu/hidden-registers.ts';
import type { Processor } from './vcpu/processor.ts';
import { assembleVcpuState, contextOf } from './vcpu/vcpu-state.ts';

/** A vCPU that runs on shows one register after the other. */
const TAKEN_LIVE: Assumption = {
  name: 'moment',
  value: null,
  why: 'the guest ran while its registers and tables were read',
  decides: true,
};

/**
 * A guest that goes on running while it is asked: registers from the monitor, memory from this host. Nothing is paused, and
 * nothing can be written.
 *
 * @public
 */
export class LiveGuest extends GuestView implements Disposable {
  protected override readonly notes: readonly Assumption[] = [TAKEN_LIVE];
  protected override readonly writable = undefined;
  readonly #monitor: Monitor;
  readonly #peer: Peer;
  readonly #cpus: readonly MonitorCpu[];
  readonly #processor: Processor;
  readonly #opened: Disposable[] = [];

  /** @internal */
  constructor(monitor: Monitor, peer: Peer, cpus: readonly MonitorCpu[], processor: Processor) {
    super();
    this.#monitor = monitor;
    this.#peer = peer;
    this.#cpus = cpus;
    this.#processor = processor;
  }

  [Symbol.dispose](): void {
    for (const opened of this.#opened.splice(0)) opened[Symbol.dispose]();
  }

  protected override checkStanding(): void {
    // It never stood still; the note says so.
  }

  protected override async smallMemory(vcpu: Vcpu): Promise<PhysicalMemory> {
    return (await this.openMemory(vcpu)).memory;
  }

  /** @throws GuestMemoryError `ERR_GUEST_MEMORY` when this host does not have the guest's memory. */
  protected override async openMemory({ state, map }: Vcpu): Promise<ViewMemory> {
    const verify = compareRootTable(monitorMemory(this.#monitor), map, contextOf(state).rootAddress);
    const { memory, attempts } = await openHostMemory(this.#monitor, map, this.#peer, verify);
    if (memory === undefined) throw new GuestMemoryError(attempts);
    this.#opened.push(memory);
    return { memory, report: { provider: memory.kind, attempts } };
  }

  protected override async readVcpu(cpu: number): Promise<Vcpu> {
    checkCpu(cpu, this.#cpus);
    const [shown, mtree] = await Promise.all([this.#monitor.registers(cpu), this.#monitor.hmp(FLAT_VIEWS)]);
    return {
      state: assembleVcpuState(shown, registersOf(shown), this.#processor, 'monitor'),
      map: selectMemoryMap(parseFlatViews(mtree), cpu, shown.smm),
      readHidden: () => Promise.resolve(assumedHiddenRegisters(unread)),
    };
  }
}

function unread(what: string): string {
  return `${what} is in the device state, which cannot be saved while the guest runs`;
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
