import type { Access } from '../paging/index.ts';
import type { TranslateScope } from './answers/guest-translation.ts';
import { GuestCpuError, GuestRunStateError } from './errors.ts';
import { GuestView, type Vcpu, type ViewMemory } from './guest-view.ts';
import { KeptGuest } from './kept-guest.ts';
import type { Link } from './link/link.ts';
import { comparePaused } from './memory/host/compare-pages.ts';
import { LayeredMemory } from './memory/host/layered-memory.ts';
import { openHostMemory } from './memory/host/open-host-memory.ts';
import type { PhysicalMemory } from './memory/physical-memory.ts';
import { stubMemory } from './memory/stub-memory.ts';
import type { WritableMemory } from './memory/write-bits.ts';
import { FLAT_VIEWS, type MonitorCpu } from './monitor/monitor.ts';
import { stubMonitor } from './monitor/stub-monitor.ts';
import type { MemoryMapMemo } from './qemu/memory-map-memo.ts';
import type { StubSession } from './stub/stub-session.ts';
import type { Assumption } from './vcpu/assumption.ts';
import { readHiddenRegisters } from './vcpu/hidden-registers.ts';
import { type MemoryTypeMsrs, readMemoryTypes } from './vcpu/memory-types.ts';
import type { Processor } from './vcpu/processor.ts';
import type { Sourced } from './vcpu/sourced.ts';
import { assembleVcpuState, contextOf } from './vcpu/vcpu-state.ts';

/** Up to here the registers of all vCPUs come sooner through the stub than those of one through QMP: a third of the time. */
const FEW_CPUS = 4;

/**
 * A guest that stands still. An instance is good until the guest is resumed.
 *
 * @public
 */
export class PausedGuest extends GuestView implements Disposable {
  protected override readonly notes: readonly Assumption[] = [];
  protected override readonly writable: WritableMemory;
  readonly #link: Link;
  readonly #stub: StubSession;
  readonly #cpus: readonly MonitorCpu[];
  readonly #processor: Processor;
  readonly #useHostMemory: boolean;
  readonly #maps: MemoryMapMemo;
  readonly #opened: Disposable[] = [];
  readonly #openDirectory = () => this.#link.privateDirectory();
  #isOver = false;

  /** @internal */
  constructor(
    link: Link,
    stub: StubSession,
    cpus: readonly MonitorCpu[],
    processor: Processor,
    useHostMemory: boolean,
    maps: MemoryMapMemo,
  ) {
    super();
    this.#link = link;
    this.#stub = stub;
    this.writable = stubMemory(stub);
    this.#cpus = cpus;
    this.#processor = processor;
    this.#useHostMemory = useHostMemory;
    this.#maps = maps;
  }

  /** The guest runs again, or may: nothing that was read counts any more. */
  [Symbol.dispose](): void {
    this.#isOver = true;
    for (const opened of this.#opened.splice(0)) opened[Symbol.dispose]();
  }

  /**
   * PAT and MTRRs of a vCPU, and of the hypervisor whose guest it runs: milliseconds of a standing guest that no translation
   * needs.
   *
   * @throws GuestCpuError `ERR_GUEST_CPU`; GuestRunStateError `ERR_GUEST_NOT_PAUSED`, `ERR_GUEST_RESUMED`; the errors of QMP.
   */
  override async memoryTypes(cpu = 0): Promise<Sourced<MemoryTypeMsrs>> {
    checkCpu(cpu, this.#cpus);
    this.checkStanding();
    const [first] = this.#cpus;
    const source = { qomPath: first?.qomPath, openDirectory: this.#openDirectory };
    const map = await this.memoryMap(cpu);
    const seen = { memory: new LayeredMemory([], this.writable, map, comparePaused), map };
    const types = await readMemoryTypes(this.#link.monitor, cpu, source, seen);
    this.checkStanding();
    return types;
  }

  override async keep(
    addresses: Iterable<BigUint64Array>,
    access: Access,
    scope: TranslateScope = {},
  ): Promise<GuestView | null> {
    const kept = await this.keepTables(addresses, access, scope);
    return kept && new KeptGuest(kept.vcpu, kept.memory);
  }

  protected override checkStanding(): void {
    if (this.#isOver) {
      throw new GuestRunStateError('ERR_GUEST_NOT_PAUSED', 'this pause is over; pause the guest again to ask it more');
    }
    this.#link.checkStillPaused();
  }

  protected override smallMemory(): Promise<PhysicalMemory> {
    this.checkStanding();
    return Promise.resolve(this.writable);
  }

  protected override async openMemory({ state, map }: Vcpu): Promise<ViewMemory> {
    const host = this.#useHostMemory ? await openHostMemory(stubMonitor(this.#stub.client), map, this.#link.peer) : [];
    const memory = new LayeredMemory(host, this.writable, map, comparePaused);
    if (!('kind' in host)) return { memory, report: { provider: 'gdb-stub', attempts: host } };
    this.#opened.push(host);
    // What is said of all memory is decided where the tables begin; the rest is when it is read.
    const isUsed = await memory.usesHostAt(contextOf(state).rootAddress);
    return { memory, report: { provider: isUsed ? host.kind : 'gdb-stub', attempts: host.attempts } };
  }

  protected override async readVcpu(cpu: number): Promise<Vcpu> {
    checkCpu(cpu, this.#cpus);
    this.checkStanding();
    const { monitor } = this.#link;
    // The stub hands a command to the monitor at once; QMP takes its text in at one byte for each turn of QEMU's main loop.
    const { client } = this.#stub;
    const throughStub = stubMonitor(client, (text) => this.#link.noteRegisters(text));
    // Known from here on, so that what follows leaves in this order: registers first, at which KVM brings QEMU up to date.
    await client.layout();
    const [registers, shown, mtree] = await Promise.all([
      client.readRegisters(cpu),
      (this.#cpus.length <= FEW_CPUS ? throughStub : monitor).registers(cpu),
      throughStub.hmp(FLAT_VIEWS),
    ]);
    const map = this.#maps.select(mtree, cpu, shown.smm);
    const seen = { memory: new LayeredMemory([], this.writable, map, comparePaused), map };
    return {
      state: assembleVcpuState(shown, registers, this.#processor),
      map,
      readHidden: once(() => readHiddenRegisters(monitor, cpu, this.#openDirectory, seen)),
    };
  }
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** @throws GuestCpuError `ERR_GUEST_CPU`. @internal */
export function checkCpu(cpu: number, cpus: readonly MonitorCpu[]): void {
  const known = cpus.map(({ index }) => index);
  if (!known.includes(cpu)) throw new GuestCpuError(cpu, known);
}
