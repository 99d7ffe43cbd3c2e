import { type InfoRegisters, parseFlatViews } from '../../protocols/qmp/index.ts';
import { GuestMemoryError, GuestStateError } from './errors.ts';
import { GuestView, type Vcpu, type ViewMemory } from './guest-view.ts';
import { compareRunning } from './memory/host/compare-pages.ts';
import { LayeredMemory } from './memory/host/layered-memory.ts';
import { openHostMemory } from './memory/host/open-host-memory.ts';
import type { MemoryMap } from './memory/memory-map.ts';
import { monitorMemory } from './memory/monitor-memory.ts';
import type { PhysicalMemory } from './memory/physical-memory.ts';
import { FLAT_VIEWS, type Monitor, type MonitorCpu } from './monitor/monitor.ts';
import { checkCpu } from './paused-guest.ts';
import type { Peer } from './peer/peer.ts';
import { selectMemoryMap } from './qemu/select-memory-map.ts';
import type { Assumption } from './vcpu/assumption.ts';
import { assumedHiddenRegisters } from './vcpu/hidden-registers.ts';
import type { Processor } from './vcpu/processor.ts';
import { assembleVcpuState, contextOf, type VcpuState } from './vcpu/vcpu-state.ts';

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
  readonly #memories = new Map<MemoryMap, Promise<ViewMemory>>();
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

  /** L2's CR3 would be walked as if it were L1's. */
  protected override checkStages({ nested, cpu }: VcpuState): void {
    if (nested.from !== 'assumed') return;
    throw new GuestStateError(
      `vCPU ${cpu} may run a nested guest (EFER.SVME=1), and whether it does is in the device state, which cannot be saved while the guest runs. Pass the root of its second stage (--nested npt:ROOT), or "none" if it runs no nested guest (--nested none), or pause it instead`,
    );
  }

  protected override async smallMemory(vcpu: Vcpu): Promise<PhysicalMemory> {
    return (await this.#memoryOf(vcpu)).memory;
  }

  /** @throws GuestMemoryError `ERR_GUEST_MEMORY` when this host does not have the guest's memory. */
  protected override openMemory(vcpu: Vcpu): Promise<ViewMemory> {
    return this.#memoryOf(vcpu);
  }

  /** One for each view of memory: what was compared once need not be again. */
  #memoryOf(vcpu: Vcpu): Promise<ViewMemory> {
    const known = this.#memories.get(vcpu.map) ?? this.#findMemory(vcpu);
    this.#memories.set(vcpu.map, known);
    return known;
  }

  async #findMemory({ state, map }: Vcpu): Promise<ViewMemory> {
    const host = await openHostMemory(this.#monitor, map, this.#peer);
    if ('kind' in host) this.#opened.push(host);
    const memory = new LayeredMemory(host, monitorMemory(this.#monitor), map, compareRunning);
    const attempts = 'kind' in host ? host.attempts : host;
    // Some pages can be had from the monitor, a thousandth as fast; a whole address space cannot.
    if (!('kind' in host) || !(await memory.usesHostAt(contextOf(state).rootAddress))) {
      throw new GuestMemoryError(
        'a running guest can be walked only with its memory at hand; pause it instead',
        attempts,
      );
    }
    return { memory, report: { provider: host.kind, attempts } };
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
