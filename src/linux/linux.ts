import { formatHex } from '../paging/index.ts';
import { readKernelAreas } from './areas/kernel-areas.ts';
import { directMapFirst } from './areas/linear-bases.ts';
import { AreaMap, type LinuxArea } from './areas/linux-area.ts';
import { type AreaProblem, type ProcessAreas, readProcessAreas } from './areas/process-areas.ts';
import { type EntryRules, readEntryRules } from './entries/entry-rules.ts';
import { LinuxDataError, LinuxLookupError } from './errors.ts';
import { findSymbol, firstOf, MOST_CANDIDATES, type WantedSymbol } from './find-symbol.ts';
import type { KernelNames } from './kernel/kernel-names.ts';
import type { AddressSpace } from './memory/address-space.ts';
import { type FoundModules, findModules } from './modules/find-modules.ts';
import { type ModuleList, readModules } from './modules/read-modules.ts';
import { type LinuxTask, readTasks, type TaskList } from './processes/read-tasks.ts';
import { readThreads } from './processes/read-threads.ts';
import type { LinuxSymbol, SymbolPlace, SymbolTable } from './symbols/symbol-table.ts';

/** States of a process that is no more. */
const ENDED = new Set(['Z', 'X']);

/** The upper half of linear addresses, with 4 levels as with 5. */
const UPPER_HALF = 1n << 63n;
const LAST_32 = 0xffff_ffffn;

/** Where what is known of a Linux comes from, besides guest memory as it stands. @internal */
export interface LinuxOrigin {
  readonly fromFile?: readonly SymbolTable[] | undefined;
  readonly takenLive?: boolean;
}

/** What Linux keeps where, and what is lacking of that. @internal */
export interface KnownAreas {
  readonly map: AreaMap;
  /** Why those of the process are not all known; null where they are. */
  readonly problem: AreaProblem | null;
  /** The same of the kernel's own, in sentences. */
  readonly ofKernel: readonly string[];
}

/** The address space of a process. @internal */
export interface ProcessRoot {
  readonly task: LinuxTask;
  readonly root: bigint;
  /** With page-table isolation: whose root it is. */
  readonly half: 'user' | 'kernel' | null;
}

/** Whose address space a CR3 is. @internal */
export type AddressSpaceOwner =
  | {
      readonly kind: 'process';
      readonly task: LinuxTask;
      /** With page-table isolation: the root that is in use in this mode. */
      readonly half: 'user' | 'kernel' | null;
    }
  /** The kernel's own tables, without a process (swapper_pg_dir). */
  | { readonly kind: 'kernel' };

/**
 * What guest memory says of the Linux that runs there. Symbols stay true until the guest boots again; processes are those of the
 * moment that is looked at.
 *
 * @public
 */
export class Linux {
  /** @internal */
  readonly names: KernelNames;
  /** The guest ran while this was read: lists may have changed under the reader. */
  readonly takenLive: boolean;
  readonly #space: AddressSpace;
  #tasks: Promise<TaskList> | undefined;
  #threads: Promise<TaskList> | undefined;
  #found: Promise<FoundModules> | undefined;
  #modules: Promise<ModuleList> | undefined;
  #directMapFirst: Promise<bigint | null> | undefined;
  #entryRules: Promise<EntryRules> | undefined;
  #kernelAreas: Promise<readonly (readonly LinuxArea[])[]> | undefined;
  #loaded: ModuleList = { modules: [], problems: [] };
  /** The kernel's first, then those of modules that a file has. */
  readonly #own: readonly SymbolTable[];

  /**
   * @internal Use `GuestView.linux`.
   * @param fromFile - tables that answer instead of the kernel's own; its structures are found by its own all the same
   */
  constructor(names: KernelNames, space: AddressSpace, { fromFile, takenLive = false }: LinuxOrigin = {}) {
    this.names = names;
    this.takenLive = takenLive;
    this.#space = space;
    this.#own = fromFile ?? (names.symbols === null ? [] : [names.symbols]);
  }

  /** What is lacking, of the kernel and of what was read of its modules, and what that costs, in sentences. Empty where nothing is. */
  get missing(): readonly string[] {
    return [...this.names.missing, ...this.#loaded.problems];
  }

  /** `Linux version 6.1.0-56-cloud-amd64 (…) …`; null where memory does not say it. */
  get banner(): string | null {
    return this.names.banner;
  }

  /** The kernel's symbols, in its own order. @throws LinuxLookupError `ERR_LINUX_LOOKUP` where it has none. */
  get symbols(): SymbolTable {
    const [symbols] = this.#own;
    if (symbols === undefined) throw new LinuxLookupError('symbols', this.missing.join('; '));
    return symbols;
  }

  /**
   * The only symbol of a name; modules are looked through where the kernel has none.
   *
   * @throws LinuxLookupError `ERR_LINUX_LOOKUP` where there is none, or more than one: its message lists them.
   */
  async findSymbol(wanted: WantedSymbol | string): Promise<LinuxSymbol> {
    const asked = typeof wanted === 'string' ? { name: wanted } : wanted;
    const { symbols } = this;
    if (asked.module === undefined && symbols.find(asked.name).length > 0) return findSymbol([symbols], asked);
    const { problems } = await this.loadModules();
    return findSymbol(this.tables(), asked, problems);
  }

  /** The symbol that an address lies in, of the kernel or of a module; null where it lies in none. */
  async nearest(address: bigint): Promise<SymbolPlace | null> {
    const [symbols] = this.#own;
    const own = symbols?.nearest(address) ?? null;
    if (own !== null || symbols === undefined || address < symbols.lowest) return own;
    await this.loadModules();
    return this.nearestKnown(address);
  }

  /** The same of what is known already. @internal */
  nearestKnown(address: bigint): SymbolPlace | null {
    const own = this.#own[0]?.nearest(address) ?? null;
    if (own !== null) return own;
    for (const { ranges, symbols } of this.#loaded.modules) {
      const range = ranges.find(({ first, end }) => address >= first && address < end);
      if (range !== undefined) return symbols.nearest(address, range);
    }
    return null;
  }

  /** Reads the symbols of modules, once. @internal */
  async loadModules(): Promise<ModuleList> {
    this.#modules ??= this.#findModules().then((found) => readModules(found, this.names, this.#space));
    this.#loaded = await this.#modules;
    return this.#loaded;
  }

  /** Where modules are, once: these are a flight for each, and their symbols megabytes. */
  #findModules(): Promise<FoundModules> {
    this.#found ??= findModules(this.names, this.#space);
    return this.#found;
  }

  /** The kernel's own table, and those of the modules that were read. @internal */
  tables(): readonly SymbolTable[] {
    return [...this.#own, ...this.#loaded.modules.map((module) => module.symbols)];
  }

  /**
   * Where the kernel has physical memory in its linear addresses.
   *
   * @throws LinuxLookupError `ERR_LINUX_LOOKUP` for a kernel that does not say where.
   * @internal
   */
  async directMapOf(physical: bigint): Promise<bigint> {
    const first = await this.#directMap();
    if (first === null) {
      throw new LinuxLookupError(
        'phys:',
        'this kernel does not say where it maps physical memory (no page_offset_base, and not where it is without one)',
      );
    }
    const linear = first + physical;
    if (this.names.wordBytes === 4 && linear > LAST_32) {
      throw new LinuxLookupError(
        'phys:',
        `physical address ${formatHex(physical)} is high memory: with 32 bits the kernel has no linear address for it`,
      );
    }
    return linear;
  }

  #directMap(): Promise<bigint | null> {
    this.#directMapFirst ??= directMapFirst(this.names, this.#space);
    return this.#directMapFirst;
  }

  /**
   * Where a member of one of the kernel's structures is, in bytes: `offsetOf('task_struct', 'mm')`, members of members by `a.b`.
   *
   * @throws LinuxLookupError `ERR_LINUX_LOOKUP` where there is no such member, or the kernel carries no type information.
   */
  offsetOf(structure: string, member: string): number {
    const { btf, missing } = this.names;
    if (btf === null) throw new LinuxLookupError(`${structure}.${member}`, missing.join('; '));
    return btf.offsetOf(structure, member);
  }

  /**
   * All processes and threads of the kernel, in the kernel's order; of a process its first thread stands for it.
   *
   * @throws LinuxDataError `ERR_LINUX_DATA` where they are not known, {@link Linux.missing} says why, or not all of them.
   */
  async tasks(): Promise<readonly LinuxTask[]> {
    const { tasks, problem } = await this.taskList();
    if (problem !== null) throw new LinuxDataError('the list of tasks', problem);
    return tasks;
  }

  /**
   * All threads of all processes, each process before its other threads.
   *
   * @throws as {@link Linux.tasks}.
   */
  async threads(): Promise<readonly LinuxTask[]> {
    const { tasks, problem } = await this.threadList();
    if (problem !== null) throw new LinuxDataError('the list of threads', problem);
    return tasks;
  }

  /** The same with the reason why it is not whole, where it is not. @internal */
  threadList(): Promise<TaskList> {
    this.#threads ??= this.taskList().then((list) => readThreads(list, this.names, this.#space));
    return this.#threads;
  }

  /** With the reason why the list is not whole, where it is not. @internal */
  taskList(): Promise<TaskList> {
    this.#tasks ??= readTasks(this.names, this.#space);
    return this.#tasks;
  }

  /**
   * What Linux keeps where, in ascending order: the kernel's areas, and those of a process (its VMAs) where one is given. What
   * this kernel does not tell is left out.
   */
  async areas(task: LinuxTask | null = null): Promise<readonly LinuxArea[]> {
    return (await this.areaMap(task)).map.areas;
  }

  /** The same, to be asked by address, with what is lacking of it. @internal */
  async areaMap(task: LinuxTask | null): Promise<KnownAreas> {
    const mm = task?.mm ?? null;
    const own: ProcessAreas =
      mm === null ? { areas: [], problem: null } : await readProcessAreas(this.names, this.#space, mm);
    const { modules, problems } = await this.#findModules();
    this.#kernelAreas ??= readKernelAreas(this.names, this.#space, modules);
    return { map: new AreaMap([own.areas, ...(await this.#kernelAreas)]), problem: own.problem, ofKernel: problems };
  }

  /** Where a linear address of the kernel leads; null where it is not mapped. @internal */
  physicalOf(address: bigint): Promise<number | null> {
    return this.#space.physicalOf(address);
  }

  /** The first address that is no process's; null where a kernel with 32 bits does not tell where it has split them. @internal */
  async kernelFirst(): Promise<bigint | null> {
    return this.names.wordBytes === 8 ? UPPER_HALF : this.#directMap();
  }

  /** How the kernel writes page-table entries. @internal */
  entryRules(): Promise<EntryRules> {
    this.#entryRules ??= readEntryRules(this.names, this.#space);
    return this.#entryRules;
  }

  /**
   * Whose address space it is; null where that is not known.
   *
   * @param root - the physical address of its root table: CR3 has other bits too
   * @internal
   */
  async ownerOf(root: bigint): Promise<AddressSpaceOwner | null> {
    const isIn = ({ cr3, userCr3 }: LinuxTask): boolean => cr3 !== null && (cr3 === root || userCr3 === root);
    const ofTask = (task: LinuxTask | undefined): AddressSpaceOwner | null =>
      task === undefined
        ? null
        : { kind: 'process', task, half: task.userCr3 === null ? null : task.userCr3 === root ? 'user' : 'kernel' };
    const hasTypes = this.names.btf !== null;
    const process = hasTypes ? ofTask((await this.taskList()).tasks.find(isIn)) : null;
    if (process !== null) return process;
    const own = this.names.symbols?.addressOf('swapper_pg_dir') ?? this.names.symbols?.addressOf('init_top_pgt');
    const physical = own === undefined ? null : await this.#space.physicalOf(own);
    if (physical !== null && BigInt(physical) === root) return { kind: 'kernel' };
    // The first thread of a process may have ended before the others: its address space is theirs then.
    return hasTypes ? ofTask((await this.threadList()).tasks.find(isIn)) : null;
  }

  /**
   * The root of a process's tables: of those that are in use in user mode, or in the kernel.
   *
   * @throws LinuxLookupError `ERR_LINUX_LOOKUP` for a thread of the kernel, which has none of its own; and as `process`.
   * @internal
   */
  async rootOf(wanted: number | string, half: 'user' | 'kernel'): Promise<ProcessRoot> {
    const task = await this.process(wanted);
    const { pid, comm, cr3, userCr3 } = task;
    if (cr3 === null) {
      const why =
        task.mm !== null
          ? 'has a page-table root that is mapped nowhere'
          : ENDED.has(task.state)
            ? 'has ended: it has no address space any more'
            : 'is a thread of the kernel: it has no address space';
      throw new LinuxLookupError(String(wanted), `process ${pid} ${comm} ${why}`);
    }
    return { task, root: half === 'user' ? (userCr3 ?? cr3) : cr3, half: userCr3 === null ? null : half };
  }

  /**
   * The process with a pid, or the only one of a name; or the thread with a pid, as an oops names it.
   *
   * @throws LinuxLookupError `ERR_LINUX_LOOKUP` where there is none, or there are several of a name.
   */
  async process(wanted: number | string): Promise<LinuxTask> {
    const { tasks, problem } = await this.taskList();
    const found = tasks.filter(({ pid, comm }) => (typeof wanted === 'number' ? pid === wanted : comm === wanted));
    const [only] = found;
    if (only !== undefined && found.length === 1) return only;
    const asked = typeof wanted === 'number' ? `pid ${wanted}` : `the name ${JSON.stringify(wanted)}`;
    if (only === undefined) {
      const threads = typeof wanted === 'number' ? (await this.threadList()).tasks : [];
      const thread = threads.find(({ pid }) => pid === wanted);
      if (thread !== undefined) return thread;
      const doubt = problem === null ? '' : ` among those that are known: ${problem}`;
      throw new LinuxLookupError(String(wanted), `no process has ${asked}${doubt}`);
    }
    const pids = found.map(({ pid }) => String(pid));
    throw new LinuxLookupError(
      String(wanted),
      `${found.length} processes have ${asked}: ${firstOf(pids).join(', ')}; take one of them by its pid`,
      pids.slice(0, MOST_CANDIDATES),
    );
  }
}
