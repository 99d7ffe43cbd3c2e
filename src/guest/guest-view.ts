/// <reference lib="esnext.disposable" preserve="true" />
import { AddressSpace, KernelMemo, type KnownKernels, Linux, LinuxDataError } from '../linux/internal.ts';
import type { Access, Alias, EnumerateResult, MappedRange, PhysicalRange, PlannedBits } from '../paging/index.ts';
import { asAnswer, formatHex } from '../paging/internal.ts';
import { answerRequests } from './answers/answer-requests.ts';
import { addAssumptions, assumableStages, findFormatAssumptions } from './answers/assumptions.ts';
import type { GuestTranslation, TranslateRequest, TranslateScope } from './answers/guest-translation.ts';
import { type GuestAccess, GuestAccessError, GuestUsageError, requireCpu } from './errors.ts';
import { pagesOfRange } from './linear-range.ts';
import { hearNews } from './link/hear-news.ts';
import { type FoundLinux, lookForLinux, namesOf } from './linux/look-for-linux.ts';
import { type BytesPart, partsOf, readParts, requireBytes, writeParts } from './memory/guest-bytes.ts';
import { type LoadProgress, loadTables } from './memory/load-tables.ts';
import type { MemoryMap } from './memory/memory-map.ts';
import { memoryOf, PageCache } from './memory/page-cache.ts';
import type { PhysicalMemory } from './memory/physical-memory.ts';
import type { WritableMemory } from './memory/write-bits.ts';
import type { GuestSource, MemoryReport, SourceMemory, SourceVcpu } from './source/guest-source.ts';
import { keptSource } from './source/kept-source.ts';
import { TableSnapshot } from './table-snapshot.ts';
import type { Assumption } from './vcpu/assumption.ts';
import { assumedHiddenRegisters } from './vcpu/hidden-registers.ts';
import { machineOf } from './vcpu/machine.ts';
import { assumedMemoryTypes, type MemoryTypeMsrs } from './vcpu/memory-types.ts';
import { applyOverrides } from './vcpu/overrides.ts';
import type { Sourced } from './vcpu/sourced.ts';
import {
  contextOf,
  hiddenRegistersInUse,
  machineProfile,
  type VcpuState,
  withCr3,
  withHiddenRegisters,
  withNestedStage,
} from './vcpu/vcpu-state.ts';
import { nestedStagesOf, type Space } from './walks/space.ts';
import { TranslationTable } from './walks/translation-table.ts';
import { type Stages, walkEach } from './walks/walk-each.ts';
import { writePlanned } from './walks/write-planned.ts';

/** Part of an address space. @public */
export interface MapScope extends TranslateScope {
  /** First and last linear address. Everything unless given. */
  readonly first?: bigint;
  readonly last?: bigint;
  readonly onProgress?: LoadProgress;
  /** Also read what accesses alone are judged by (PKRU, PKRS), so that walks can be made of the snapshot. @internal */
  readonly forWalks?: boolean;
}

/** Whose address space, and what is to be found out besides. @public */
export interface ManyScope extends TranslateScope {
  /** Also find out which addresses the machine that runs the guest would answer otherwise: as much work again. */
  readonly compareMachine?: boolean;
}

/** A gigabyte of tables maps half a terabyte in 4 KB pages. */
const MAX_MAP_PAGES = 262_144;

/** A vCPU whose hidden registers are read once, however often they are asked for. */
type Vcpu = Required<SourceVcpu>;

/**
 * What can be asked of a guest. What was read stays true for as long as the guest is paused, so registers, the memory map
 * and pages of tables are read once.
 *
 * @public
 */
export class GuestView implements Disposable {
  readonly #source: GuestSource;
  /** What everything that is asked here rests on. @internal */
  readonly notes: readonly Assumption[];
  readonly #vcpus = new Map<number, Promise<Vcpu>>();
  readonly #memories = new Map<MemoryMap, Promise<SourceMemory>>();
  readonly #caches = new Map<MemoryMap, Promise<PageCache>>();
  /** Pages of what is no table: apart, as a cache of tables is asked where these lie. */
  readonly #linuxPages = new Map<MemoryMap, Promise<PageCache>>();
  readonly #kernels = new KernelMemo();
  readonly #opened: SourceMemory[] = [];
  #isDisposed = false;

  constructor(source: GuestSource) {
    this.#source = source;
    this.notes = source.notes ?? [];
  }

  /** Gives back what was opened. Nothing that was read counts any more where the guest was paused for it. */
  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.#source[Symbol.dispose]?.();
    for (const opened of this.#opened.splice(0)) opened[Symbol.dispose]?.();
  }

  /** Everything of a vCPU that a translation depends on. @throws GuestCpuError `ERR_GUEST_CPU`. */
  async vcpuState(cpu = 0): Promise<VcpuState> {
    const { state } = await this.#wholeSpace({ cpu });
    await this.#checkPause();
    return state;
  }

  /** What lies at each guest physical address, as a vCPU sees it. @throws GuestCpuError `ERR_GUEST_CPU`. */
  async memoryMap(cpu = 0): Promise<MemoryMap> {
    const { map } = await this.#vcpu(cpu);
    await this.#checkPause();
    return map;
  }

  /**
   * PAT and MTRRs of a vCPU, and of the hypervisor whose guest it runs. QEMU has them in its device state, which only a guest that
   * is paused saves: where they are unavailable they are assumed.
   *
   * @throws as {@link GuestView.translate}.
   */
  async memoryTypes(cpu = 0): Promise<Sourced<MemoryTypeMsrs>> {
    const vcpu = await this.#vcpu(cpu);
    const types = await this.#source.readMemoryTypes?.(vcpu);
    await this.#checkPause();
    return types ?? assumedMemoryTypes({ code: 'not-in-source', register: 'memoryTypes' });
  }

  /** How many pages are read here, and why not in a better way. @throws GuestCpuError `ERR_GUEST_CPU`. */
  async memoryReport(cpu = 0): Promise<MemoryReport> {
    const { report } = await this.#memory(await this.#vcpu(cpu));
    await this.#checkPause();
    return report;
  }

  /**
   * Translates, and sets the bits that the requests ask for. All walks advance together; all see the tables as they were
   * before the first bit was set.
   *
   * @returns one answer for each request, in order
   * @throws GuestCpuError `ERR_GUEST_CPU`; GuestRunStateError `ERR_GUEST_RESUMED` when another client resumed the guest in the
   * middle; GuestUsageError `ERR_GUEST_USAGE` for bits to be set in a guest that runs; the errors of the GDB client.
   */
  async translate(requests: readonly TranslateRequest[], scope: TranslateScope = {}): Promise<GuestTranslation[]> {
    const answers = await this.#answer(requests, scope);
    await this.#checkPause();
    if (this.notes.length === 0) return answers;
    return answers.map((answer) => asAnswer({ ...answer, assumed: [...answer.assumed, ...this.notes] }));
  }

  /** With page-table isolation a process has a root for each mode. */
  async #answer(requests: readonly TranslateRequest[], scope: TranslateScope): Promise<GuestTranslation[]> {
    const [kernel, user] = [await this.#ofProcess(scope, 'kernel'), await this.#ofProcess(scope, 'user')];
    if (kernel.cr3 === user.cr3) return answerRequests(requests, await this.#staged(kernel));
    const isUser = ({ access }: TranslateRequest): boolean => access.user;
    const ofUser = await answerRequests(requests.filter(isUser), await this.#staged(user));
    const ofKernel = await answerRequests(
      requests.filter((each) => !isUser(each)),
      await this.#staged(kernel),
    );
    return requests.map((each) => (isUser(each) ? ofUser : ofKernel).shift() as GuestTranslation);
  }

  /** The scope with the root of the process that it names. */
  async #ofProcess(scope: TranslateScope, half: 'user' | 'kernel'): Promise<TranslateScope> {
    const { process, ...rest } = scope;
    if (process === undefined) return scope;
    if (scope.cr3 !== undefined)
      throw new GuestUsageError('a scope names a process or a CR3, and this one has both: leave one of them out');
    const { root } = await (await this.linux(scope.cpu)).rootOf(process, half);
    return { ...rest, cr3: root };
  }

  /**
   * Sets bits that were planned for translations of this pause.
   *
   * @returns those that were set, and seen in guest memory afterwards
   * @throws as {@link GuestView.translate}.
   */
  async setBits(planned: readonly PlannedBits[], cpu = 0): Promise<readonly PlannedBits[]> {
    const outcomes = await writePlanned(planned, await this.#space({ cpu }));
    await this.#checkPause();
    return planned.filter(({ address }) => outcomes.get(address) === 'written');
  }

  /**
   * Translates many addresses for one kind of access: nothing is written, and the answers are columns of numbers. Thousands a
   * millisecond, through two stages some hundred; entries and reasons are `translate`'s.
   *
   * @throws as {@link GuestView.translate}.
   */
  async translateMany(addresses: BigUint64Array, access: Access, scope: ManyScope = {}): Promise<TranslationTable> {
    const { state, context, machineContext, nested, cache } = await this.#staged(
      await this.#ofProcess(scope, access.user ? 'user' : 'kernel'),
      true,
    );
    const pages = await cache();
    const walk = async (stages: Stages): Promise<TranslationTable> => {
      const table = new TranslationTable(addresses.length, stages.context, stages.nested !== null);
      await walkEach(stages, addresses, access, pages, table);
      return table;
    };
    const table = await walk({ context, nested: nested?.context ?? null });
    table.tablesInRom = pages.romNames;
    await addAssumptions(table, state, walk);
    for (const note of this.notes) table.addAssumption(note, new Uint8Array(table.length).fill(Number(note.decides)));
    if (scope.compareMachine && machineProfile(state) !== undefined) {
      table.compareWith(await walk({ context: machineContext, nested: nested?.onMachine ?? null }), machineOf(state));
    }
    await this.#checkPause();
    return table;
  }

  /**
   * Reads all that translations of addresses rest on, so that they can be asked for when the guest runs on: for one kind of
   * access, of one vCPU, with the same scope, and without setting bits.
   *
   * @returns null when that is more than is kept (384 MiB of tables), or the guest runs on anyway
   * @throws as {@link GuestView.translate}.
   */
  async keep(
    addresses: Iterable<BigUint64Array>,
    access: Access,
    scope: TranslateScope = {},
  ): Promise<GuestView | null> {
    if (this.#source.pause === undefined) return null;
    return this.#keepTables(addresses, access, await this.#ofProcess(scope, access.user ? 'user' : 'kernel'));
  }

  /** Also what those of the machine need, and of a vCPU that has something else where a value is assumed. */
  async #keepTables(
    addresses: Iterable<BigUint64Array>,
    access: Access,
    scope: TranslateScope,
  ): Promise<GuestView | null> {
    const vcpu = await this.#vcpu(scope.cpu ?? 0);
    const { state, context, machineContext, nested } = await this.#staged(scope, true);
    const { memory, report } = await this.#memory(vcpu);
    const cache = new PageCache(memory, vcpu.map);
    const all: readonly Stages[] = [
      { context, nested: nested?.context ?? null },
      { context: machineContext, nested: nested?.onMachine ?? null },
      ...assumableStages(state),
    ];
    for (const chunk of addresses) {
      for (const stages of all) await walkEach(stages, chunk, access, cache);
    }
    await this.#checkPause();
    if (cache.hasForgotten) return null;
    const kept = { ...vcpu, readHidden: await this.#keepHidden(vcpu, scope) };
    return new GuestView(keptSource(kept, { memory: memoryOf(cache), report }, this.#source.vcpus));
  }

  /**
   * Reads all tables of an address space, or of a part, for questions that may be asked when the guest runs on.
   *
   * @throws as {@link GuestView.translate}.
   */
  async snapshot(scope: MapScope = {}): Promise<TableSnapshot> {
    const vcpu = await this.#vcpu(scope.cpu ?? 0);
    const asked = await this.#ofProcess(scope, 'kernel');
    const { state, context, nested: stages, map } = await this.#staged(asked, scope.forWalks);
    const nested = stages?.context ?? null;
    const cache = new PageCache((await this.#memory(vcpu)).memory, map, MAX_MAP_PAGES);
    const isWhole = await loadTables(context, nested, cache, pagesOfRange(context, scope), scope.onProgress);
    await this.#checkPause();
    const assumed = [...findFormatAssumptions(state), ...this.notes];
    return new TableSnapshot({ state, context, nested, map, cache, isWhole, assumed });
  }

  /**
   * Goes through a whole address space, or a part: ranges of pages with the same rights, in ascending order, the lower half
   * first. While the vCPU runs a nested guest (L2), that guest's, through both stages: see {@link TableSnapshot.nested}.
   *
   * @param emit - takes each range; false ends the enumeration
   * @throws as {@link GuestView.translate}.
   */
  async mapRanges(emit: (range: MappedRange) => boolean | undefined, scope: MapScope = {}): Promise<EnumerateResult> {
    return (await this.snapshot(scope)).ranges(emit, scope);
  }

  /**
   * Finds every linear address that leads to physical ones.
   *
   * @param emit - takes each; false ends the search
   * @throws as {@link GuestView.translate}.
   */
  async findAliases(
    physical: PhysicalRange,
    emit: (alias: Alias) => boolean | undefined,
    scope: MapScope = {},
  ): Promise<EnumerateResult> {
    return (await this.snapshot(scope)).aliases(physical, emit, scope);
  }

  /**
   * What guest memory says of the Linux that runs there: symbols, processes, where members of structures are. Names are made
   * once for a boot; while the guest is paused for this it waits for them the first time.
   *
   * @example
   * ```ts
   * const linux = await paused.linux();
   * const [entry] = linux.symbols.find('do_exit');
   * const answers = await paused.translate(requests, { process: 'bash' });
   * ```
   * @throws LinuxDataError `ERR_LINUX_DATA` where there is no Linux; GuestCpuError `ERR_GUEST_CPU`.
   */
  async linux(cpu = 0): Promise<Linux> {
    const known = this.#source.kernels ?? this.#kernels;
    const found = await this.lookForLinux(known, cpu);
    const names = namesOf(found, known);
    if (names === null) throw new LinuxDataError('Linux', 'the names that were kept of it are gone');
    return new Linux(names, found.space, {
      takenLive: this.#source.notes?.some(({ name }) => name === 'moment') ?? false,
    });
  }

  /** Reads what names are made of, where they are not known: the guest may run on while they are made. @internal */
  async lookForLinux(known: KnownKernels, cpu = 0): Promise<FoundLinux> {
    const { state } = await this.#staged({ cpu });
    const found = await lookForLinux(state, await this.#pagesOf(cpu), known);
    await this.#checkPause();
    return found;
  }

  /** The vCPU's own address space, to be read by linear addresses. @internal */
  async addressSpace(cpu: number): Promise<AddressSpace> {
    const { context } = await this.#staged({ cpu });
    return new AddressSpace(context, await this.#pagesOf(cpu));
  }

  async #pagesOf(cpu: number): Promise<PageCache> {
    const vcpu = await this.#vcpu(cpu);
    return remember(this.#linuxPages, vcpu.map, async () => {
      return new PageCache((await this.#memory(vcpu)).memory, vcpu.map);
    });
  }

  /**
   * Reads guest physical memory: RAM and ROM, as device memory may change when it is looked at.
   *
   * @throws GuestAccessError `ERR_GUEST_ACCESS` where something else lies there; GuestUsageError `ERR_GUEST_USAGE` for more than 64 MiB.
   */
  async readPhysical(address: bigint, lengthBytes: number, cpu = 0): Promise<Uint8Array> {
    const asked = { operation: 'read', space: 'physical', address, lengthBytes } as const;
    const vcpu = await this.#vcpu(cpu);
    const bytes = await readParts(asked, physicalParts(asked), (await this.#memory(vcpu)).memory, vcpu.map);
    await this.#checkPause();
    return bytes;
  }

  /**
   * Reads memory by linear addresses, page by page, whatever rights they leave: as a debugger does. Of RAM and ROM only.
   *
   * @param scope - whose address space: `cpu`, `cr3`
   * @throws GuestAccessError `ERR_GUEST_ACCESS` where a page is not mapped, or leads to something else; GuestUsageError
   * `ERR_GUEST_USAGE` for more than 64 MiB, and for a nested guest (L2).
   */
  async readVirtual(address: bigint, lengthBytes: number, scope: TranslateScope = {}): Promise<Uint8Array> {
    const asked = { operation: 'read', space: 'virtual', address, lengthBytes } as const;
    const vcpu = await this.#vcpu(scope.cpu ?? 0);
    const parts = await this.#placeVirtual(asked, scope);
    const bytes = await readParts(asked, parts, (await this.#memory(vcpu)).memory, vcpu.map);
    await this.#checkPause();
    return bytes;
  }

  /**
   * Writes guest physical memory, RAM only, and reads it again: all of it, or nothing. A processor that has an entry of a page
   * table in its TLB goes on using it until the guest flushes that.
   *
   * @throws GuestAccessError `ERR_GUEST_ACCESS`; GuestUsageError `ERR_GUEST_USAGE` unless `allowWrites` was given to `attach`.
   */
  async writePhysical(address: bigint, bytes: Uint8Array, cpu = 0): Promise<void> {
    const asked = { operation: 'write', space: 'physical', address, lengthBytes: bytes.length } as const;
    await this.#write(asked, bytes, await this.#vcpu(cpu), () => Promise.resolve(physicalParts(asked)));
  }

  /**
   * Writes memory by linear addresses, whatever rights they leave, across pages: all of it, or nothing. RAM only; read again.
   *
   * @param scope - whose address space: `cpu`, `cr3`
   * @throws as {@link GuestView.writePhysical}; where a page is not mapped.
   */
  async writeVirtual(address: bigint, bytes: Uint8Array, scope: TranslateScope = {}): Promise<void> {
    const asked = { operation: 'write', space: 'virtual', address, lengthBytes: bytes.length } as const;
    await this.#write(asked, bytes, await this.#vcpu(scope.cpu ?? 0), () => this.#placeVirtual(asked, scope));
  }

  async #write(
    asked: Omit<GuestAccess, 'problemAddress'>,
    bytes: Uint8Array,
    vcpu: Vcpu,
    place: () => Promise<readonly BytesPart[]>,
  ): Promise<void> {
    const { writable, allowsWrites } = this.#source;
    if (allowsWrites !== true || writable === undefined) {
      throw new GuestUsageError(
        writable === undefined
          ? 'memory can be written only while the guest is paused'
          : 'memory is written only for those who say so: attach({ allowWrites: true })',
      );
    }
    try {
      await writeParts(asked, await place(), bytes, this.#writtenThrough(writable), vcpu.map);
    } finally {
      // What fails because another client has resumed the guest does so for that reason.
      await this.#checkPause();
    }
  }

  /** Where linear addresses lead. @throws GuestAccessError `ERR_GUEST_ACCESS` where a page is not mapped. */
  async #placeVirtual(asked: Omit<GuestAccess, 'problemAddress'>, scope: TranslateScope): Promise<BytesPart[]> {
    requireBytes(asked);
    const { state, context, nested, cache } = await this.#staged(await this.#ofProcess(scope, 'kernel'));
    if (nested !== null) {
      throw new GuestUsageError(
        `vCPU ${state.cpu} runs a nested guest (L2), whose linear addresses go through two stages: ask for its translation, and for physical addresses`,
      );
    }
    const space = new AddressSpace(context, await cache());
    const parts: BytesPart[] = [];
    for (const part of partsOf(asked)) {
      const physical = await space.physicalOf(part.address);
      if (physical === null) {
        throw new GuestAccessError(
          { ...asked, problemAddress: part.address },
          `${formatHex(part.address)} is not mapped`,
        );
      }
      parts.push({ ...part, physical });
    }
    return parts;
  }

  /**
   * The vCPU as a question has it.
   *
   * @param half - whose accesses: with page-table isolation a process has another CR3 in user mode
   * @throws GuestCpuError `ERR_GUEST_CPU`.
   */
  async scopedState(scope: TranslateScope, half: 'user' | 'kernel' = 'kernel'): Promise<VcpuState> {
    return (await this.#space(await this.#ofProcess(scope, half))).state;
  }

  async #space(scope: TranslateScope): Promise<Space> {
    const vcpu = await this.#vcpu(scope.cpu ?? 0);
    const { fewEntries } = this.#source;
    const memory = fewEntries && !vcpu.map.hasSmram ? fewEntries : (await this.#memory(vcpu)).memory;
    const asked = asAsked(vcpu.state, scope);
    const inUse = hiddenRegistersInUse(vcpu.state, asked);
    const read = async () =>
      this.#spaceOf(vcpu, withHiddenRegisters(asked, inUse, await vcpu.readHidden()), memory, undefined);
    // PDPTE registers and a second stage take part in every walk; keys only where a walk ends at a page.
    if (inUse.pdptes || inUse.nested) return read();
    return this.#spaceOf(vcpu, asked, memory, inUse.pkru || inUse.pkrs ? read : undefined);
  }

  /** For walks. */
  async #staged(scope: TranslateScope, isWhole = false): Promise<Space> {
    const space = await (isWhole ? this.#wholeSpace(scope) : this.#space(scope));
    this.#source.checkStages?.(space.state);
    return space;
  }

  async #wholeSpace(scope: TranslateScope): Promise<Space> {
    const quick = await this.#space(scope);
    return quick.complete ? quick.complete() : quick;
  }

  /** The registers that a question needs, for when it is asked again and nothing can be read. */
  async #keepHidden(vcpu: Vcpu, scope: TranslateScope): Promise<Vcpu['readHidden']> {
    const inUse = hiddenRegistersInUse(vcpu.state, asAsked(vcpu.state, scope));
    const isNeeded = Object.values(inUse).includes(true);
    const kept = isNeeded
      ? await vcpu.readHidden()
      : assumedHiddenRegisters((register) => ({ code: 'not-kept', register }));
    return () => Promise.resolve(kept);
  }

  #spaceOf(vcpu: Vcpu, state: VcpuState, memory: PhysicalMemory, complete: Space['complete']): Space {
    const context = contextOf(state);
    const machine = machineProfile(state);
    return {
      state,
      context,
      machineContext: machine === undefined ? context : contextOf(state, machine),
      nested: nestedStagesOf(state),
      map: vcpu.map,
      memory,
      complete,
      cache: () => this.#cache(vcpu),
      writable: this.#source.writable && this.#writtenThrough(this.#source.writable),
    };
  }

  /** What is written also becomes true in the pages that were read before. */
  #writtenThrough(memory: WritableMemory): WritableMemory {
    return {
      read: (pieces) => memory.read(pieces),
      prepare: () => this.#checkPause(),
      write: async (address, bytes) => {
        await memory.write(address, bytes);
        for (const cache of await Promise.all([...this.#caches.values(), ...this.#linuxPages.values()])) {
          bytes.forEach((byte, at) => {
            cache.writeThrough(address + at, byte);
          });
        }
      },
    };
  }

  /**
   * At the end of a question. Reading memory of this host takes no turn of the event loop, in which alone the news that another
   * client has resumed the guest can come in.
   */
  async #checkPause(): Promise<void> {
    const { pause } = this.#source;
    if (pause === undefined) return;
    await (pause.hearNews?.() ?? hearNews());
    pause.check();
  }

  async #vcpu(cpu: number): Promise<Vcpu> {
    requireCpu(cpu, this.#source.vcpus);
    this.#source.pause?.check();
    return remember(this.#vcpus, cpu, () => this.#readVcpu(cpu));
  }

  async #readVcpu(cpu: number): Promise<Vcpu> {
    const { state, map, readHidden } = await this.#source.readVcpu(cpu);
    const read =
      readHidden ??
      (() => Promise.resolve(assumedHiddenRegisters((register) => ({ code: 'not-in-source', register }))));
    return { state, map, readHidden: once(read) };
  }

  #memory(vcpu: Vcpu): Promise<SourceMemory> {
    return remember(this.#memories, vcpu.map, async () => {
      const opened = await this.#source.openMemory(vcpu);
      if (this.#isDisposed) opened[Symbol.dispose]?.();
      else this.#opened.push(opened);
      return opened;
    });
  }

  #cache(vcpu: Vcpu): Promise<PageCache> {
    return remember(this.#caches, vcpu.map, async () => new PageCache((await this.#memory(vcpu)).memory, vcpu.map));
  }
}

function physicalParts(asked: Omit<GuestAccess, 'problemAddress'>): BytesPart[] {
  requireBytes(asked);
  return partsOf(asked).map((part) => ({ ...part, physical: Number(part.address) }));
}

/** The vCPU as a question has it, but for the registers that it has yet to read. */
function asAsked(own: VcpuState, { cr3, nested, overrides = [], profile }: TranslateScope): VcpuState {
  const base = cr3 === undefined ? own : withCr3(own, cr3);
  const staged = nested === undefined ? base : withNestedStage(base, nested);
  return applyOverrides(staged, overrides, profile);
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

function remember<K, V>(known: Map<K, Promise<V>>, key: K, make: () => Promise<V>): Promise<V> {
  const old = known.get(key);
  if (old) return old;
  const made = make();
  known.set(key, made);
  return made;
}
