import type { KnownKernels } from '../../linux/internal.ts';
import { GuestRunStateError } from '../errors.ts';
import type { Link } from '../link/link.ts';
import { comparePaused } from '../memory/host/compare-pages.ts';
import { LayeredMemory } from '../memory/host/layered-memory.ts';
import { openHostMemory } from '../memory/host/open-host-memory.ts';
import { openLayeredMemory } from '../memory/host/open-layered-memory.ts';
import type { MemoryMap } from '../memory/memory-map.ts';
import { stubMemory } from '../memory/stub-memory.ts';
import type { WritableMemory } from '../memory/write-bits.ts';
import { FLAT_VIEWS, type Monitor, type MonitorCpu } from '../monitor/monitor.ts';
import { stubMonitor } from '../monitor/stub-monitor.ts';
import type { GuestSource, SourceMemory, SourceVcpu } from '../source/guest-source.ts';
import type { StubSession } from '../stub/stub-session.ts';
import { readHiddenRegisters } from '../vcpu/hidden-registers.ts';
import { type MemoryTypeMsrs, readMemoryTypes } from '../vcpu/memory-types.ts';
import type { Processor } from '../vcpu/processor.ts';
import type { Sourced } from '../vcpu/sourced.ts';
import { assembleVcpuState, contextOf } from '../vcpu/vcpu-state.ts';
import type { SeenMemory } from '../vcpu/vmcb.ts';
import type { KnownMemory } from './prepare-memory.ts';

/** Up to here the registers of all vCPUs come sooner through the stub than those of one through QMP: a third of the time. */
const FEW_CPUS = 4;

/** What stays the same from pause to pause. @internal */
export interface QemuParts {
  readonly link: Link;
  readonly cpus: readonly MonitorCpu[];
  readonly processor: Processor;
  readonly useHostMemory: boolean;
  readonly allowsWrites: boolean;
  readonly memory: KnownMemory;
  readonly kernels: KnownKernels;
}

/** A QEMU that is paused: registers and memory through its stub, many pages from this host. Good until it is resumed. @internal */
export class PausedSource implements GuestSource {
  readonly vcpus: readonly number[];
  readonly writable: WritableMemory;
  readonly fewEntries: WritableMemory;
  readonly kernels: KnownKernels;
  readonly allowsWrites: boolean;
  readonly pause = { check: (): void => this.#check(), hearNews: (): Promise<void> => this.#qemu.link.hearNews() };
  readonly #qemu: QemuParts;
  readonly #stub: StubSession;
  readonly #openFile = () => this.#qemu.link.deviceStateFile();
  #isOver = false;

  constructor(qemu: QemuParts, stub: StubSession) {
    this.#qemu = qemu;
    this.#stub = stub;
    this.vcpus = qemu.cpus.map(({ index }) => index);
    this.writable = stubMemory(stub);
    this.fewEntries = this.writable;
    this.kernels = qemu.kernels;
    this.allowsWrites = qemu.allowsWrites;
  }

  async readVcpu(cpu: number): Promise<SourceVcpu> {
    const { link, cpus, processor, memory } = this.#qemu;
    // The stub hands a command to the monitor at once; QMP takes its text in at one byte for each turn of QEMU's main loop.
    const { client } = this.#stub;
    // By another guest's registers this pause would not be known again.
    const note = link.isStubProven ? (text: string): void => link.noteRegisters(text) : undefined;
    const throughStub = stubMonitor(client, note);
    // Known from here on, so that what follows leaves in this order: registers first, at which KVM brings QEMU up to date.
    await client.layout();
    const [registers, shown, mtree] = await Promise.all([
      client.readRegisters(cpu),
      (cpus.length <= FEW_CPUS ? throughStub : link.monitor).registers(cpu),
      throughStub.hmp(FLAT_VIEWS),
    ]);
    const map = memory.maps.select(mtree, cpu, shown.smm);
    return {
      state: assembleVcpuState(shown, registers, processor),
      map,
      readHidden: () => readHiddenRegisters(this.#savingMonitor(), cpu, this.#openFile, this.#seen(map)),
    };
  }

  async openMemory({ state, map }: SourceVcpu): Promise<SourceMemory> {
    const { link, useHostMemory, memory } = this.#qemu;
    const monitor = stubMonitor(this.#stub.client);
    const host = useHostMemory ? await openHostMemory(monitor, map, link.peer, memory.places) : [];
    const root = contextOf(state).rootAddress;
    const {
      provider = 'gdb-stub',
      attempts,
      ...opened
    } = await openLayeredMemory(host, this.writable, map, comparePaused, root);
    return { ...opened, report: { provider, attempts } };
  }

  /** Milliseconds of a paused guest that no translation needs. */
  readMemoryTypes({ state: { cpu }, map }: SourceVcpu): Promise<Sourced<MemoryTypeMsrs>> {
    const { cpus } = this.#qemu;
    const source = { qomPath: cpus[0]?.qomPath, openFile: this.#openFile };
    return readMemoryTypes(this.#savingMonitor(), cpu, source, this.#seen(map));
  }

  /** The guest runs again, or may: nothing that was read counts any more. */
  [Symbol.dispose](): void {
    this.#isOver = true;
  }

  #check(): void {
    if (this.#isOver) {
      throw new GuestRunStateError('ERR_GUEST_NOT_PAUSED', 'this pause is over; pause the guest again to ask it more');
    }
    this.#qemu.link.checkStillPaused();
  }

  /** The link's, but that what has to be known before the device state is saved is asked through the stub, where that is QEMU's own. */
  #savingMonitor(): Monitor {
    const { monitor, isStubProven } = this.#qemu.link;
    const { saveDeviceState } = monitor;
    if (saveDeviceState === undefined || !isStubProven) return monitor;
    const hmp = (command: string): Promise<string> => this.#stub.client.monitor(command);
    return { ...monitor, saveDeviceState: (file) => saveDeviceState(file, hmp) };
  }

  #seen(map: MemoryMap): SeenMemory {
    return { memory: new LayeredMemory([], this.writable, map, comparePaused), map };
  }
}
