import { buildElf, type NotedRegisters } from '../../../scripts/parsers/dumps/build-dump.ts';
import { type BuiltMembers, buildBtf } from '../linux/build-btf.ts';
import { type BuiltSymbol, buildKallsyms } from '../linux/build-kallsyms.ts';
import { type EntryFlags, TableBuilder } from './table-builder.ts';

const PAGE = 0x1000n;
const TEXT = 0xffff_ffff_8100_0000n;
const RODATA = 0xffff_ffff_8120_0000n;
const RODATA_BYTES = 0x2_0000;
const DATA = 0xffff_ffff_8140_0000n;
const DATA_BYTES = 0x1_0000;
const OWN_ROOT = DATA + 0x1_0000n;
const MODULE = 0xffff_ffff_c000_0000n;
const DIRECT = 0xffff_8880_0000_0000n;

/** Where what lies in physical memory. */
const AT = {
  kernelTables: 0x1000n,
  initTables: 0xa000n,
  shellTables: 0x1_8000n,
  rodata: 0x2_0000,
  data: 0x4_0000,
  shared: 0x5_0000n,
  heap: 0x5_1000n,
  stack: 0x5_2000n,
  vdso: 0x5_3000n,
  module: 0x5_4000n,
  moduleData: 0x5_5000n,
  shellOwn: 0x5_6000n,
  end: 0x6_0000,
} as const;

/** Where what lies in the kernel's data. */
const IN_DATA = {
  pageOffsetBase: 0x00,
  vmallocBase: 0x08,
  vmemmapBase: 0x10,
  swapFiles: 0x18,
  modules: 0x20,
  specialOperations: 0x30,
  cpu: 0x80,
  idt: 0x100,
  /** Of the lists of threads. */
  signals: 0x400,
  tasks: 0x1000,
  spaces: 0x2000,
  areas: 0x3000,
  files: 0x4000,
  modulesFirst: 0x5000,
} as const;

const TASK_BYTES = 0x80;
const TASK = { __state: 0, tasks: 8, mm: 24, pid: 32, tgid: 36, comm: 40, signal: 56, thread_node: 64, exit_state: 80 };
const AREA_BYTES = 0x40;

/** Type information of the structures that are here, as kernels before 6.1 have them. */
const TYPES: Readonly<Record<string, BuiltMembers>> = {
  task_struct: TASK,
  signal_struct: { thread_head: 0 },
  mm_struct: {
    ...{ pgd: 0, rss_stat: { at: 8, of: { count: { at: 0, count: 4 } } } },
    ...{ mmap: 64, start_brk: 72, brk: 80, start_stack: 88 },
  },
  vm_area_struct: { vm_start: 0, vm_end: 8, vm_next: 16, vm_file: 24, vm_ops: 32, vm_private_data: 40 },
  vm_special_mapping: { name: 0 },
  file: { f_path: { at: 0, of: { mnt: 0, dentry: 8 } } },
  dentry: { d_parent: 0, d_name: { at: 8, of: { len: 4, name: 8 } } },
  vfsmount: { mnt_root: 0 },
  mount: { mnt_parent: 8, mnt_mountpoint: 16, mnt: 24 },
  module: { state: 0, list: 8, name: 24, core_layout: { at: 96, of: { base: 0, size: 8 } }, kallsyms: 112 },
  mod_kallsyms: { symtab: 0, num_symtab: 8, strtab: 16, typetab: 24 },
  cpuinfo_x86: { x86_capability: 0 },
};
const BANNER = 'Linux version 6.0.0-built (a test) #1 SMP\n\0';
const BUILD_ID = Buffer.from('00112233445566778899aabbccddeeff00112233', 'hex');
/** kallsyms is recognized from some thousand names on. */
const FILLERS = 3900;

/** Addresses and numbers of a dump of {@link linuxDump}. */
export const SMALL_LINUX = {
  /** Where the kernel's text begins. */
  text: TEXT,
  /** Of the symbol `start_kernel`, and of `do_idle`, on which a vCPU stands. */
  startKernel: TEXT + 0x10n,
  doIdle: TEXT + 0x40n,
  roots: { kernel: AT.kernelTables, init: AT.initTables, shell: AT.shellTables },
  symbols: FILLERS,
} as const;

/** What is otherwise than in a guest that is well. */
export interface LinuxOddities {
  /** Page-table isolation is on. */
  readonly isIsolated?: boolean;
  /** The list of processes leads where nothing is, behind the second. */
  readonly isCutOff?: boolean;
  /** A process has a root that is mapped nowhere. */
  readonly hasLostRoot?: boolean;
  /** The list of modules runs in a circle. */
  readonly areModulesDamaged?: boolean;
  /** So many functions are called f0000, f0001, and so on. */
  readonly fillers?: number;
  /** Structures that its type information has besides, or undefined for those that it lacks; null for a kernel without any. */
  readonly types?: Readonly<Record<string, BuiltMembers | undefined>> | null;
  /** Symbols besides. */
  readonly symbols?: readonly BuiltSymbol[];
  /** Words of the kernel's data that are others, by their linear addresses. */
  readonly words?: Readonly<Record<string, bigint>>;
}

const SUPERVISOR: EntryFlags = { user: false, accessed: true };
const NO_CODE = { ...SUPERVISOR, noExecute: true };

/**
 * An ELF core of a guest with a small Linux, whose processes share a page, and which may be damaged or isolated. Its processes: init,
 * a thread of the kernel, a shell with a second thread, a zombie. Its module has a function and a variable. Of the vCPUs the first is
 * in init's tables in the kernel, the second in the shell's in user mode, the third in the kernel's own, in the module.
 */
export function linuxDump(odd: LinuxOddities = {}): Buffer {
  const kernel = new TableBuilder('4-level', AT.kernelTables);
  mapKernel(kernel);
  const init = new TableBuilder('4-level', AT.initTables, kernel.memory);
  const shell = new TableBuilder('4-level', AT.shellTables, kernel.memory);
  // The roots of user mode, right behind the others.
  const userRoots = [init, shell].map((tables) => tables.allocateTable());
  mapProcesses(init, shell);
  for (const [process, { root }] of [init, shell].entries()) {
    for (let at = 0n; at < 512n; at += 1n) {
      if (at >= 256n) kernel.poke(root + 8n * at, kernel.peek(kernel.root + 8n * at));
      else kernel.poke((userRoots[process] ?? 0n) + 8n * at, kernel.peek(root + 8n * at));
    }
  }
  const memory = Buffer.alloc(AT.end);
  for (const { address, bytes } of kernel.memory.pages()) memory.set(bytes, Number(address));
  memory.set(readOnlyData(odd), AT.rodata);
  memory.set(kernelData(odd), AT.data);
  memory.fill('code', Number(AT.shared), Number(AT.shared) + 0x1000);
  return buildElf({ memory: [{ address: 0, bytes: memory }], vcpus: vcpus(odd.isIsolated === true) });
}

function vcpus(isIsolated: boolean): readonly NotedRegisters[] {
  const own = { cr0: 0x8005_0033n, cr4: 0x20n, csFlags: 0x00af_9b00, idt: DATA + BigInt(IN_DATA.idt) };
  return [
    { ...own, cr3: AT.initTables, rip: SMALL_LINUX.doIdle + 4n },
    { ...own, cr3: AT.shellTables + (isIsolated ? PAGE : 0n), rip: 0x40_0010n, ssFlags: 3 << 13 },
    { ...own, cr3: AT.kernelTables, rip: MODULE + 0x20n },
  ];
}

function mapKernel(tables: TableBuilder): void {
  const above = { 4: SUPERVISOR, 3: SUPERVISOR, 2: SUPERVISOR };
  const pages = (first: bigint, physical: bigint, bytes: number, flags: EntryFlags): void => {
    for (let at = 0n; at < bytes; at += PAGE)
      tables.map(first + at, physical + at, { levels: { ...above, 1: { ...SUPERVISOR, ...flags } } });
  };
  const large = (first: bigint, physical: bigint, flags: EntryFlags): void =>
    tables.map(first, physical, { size: 0x20_0000, levels: { ...above, 2: { ...SUPERVISOR, ...flags } } });
  large(DIRECT, 0n, { noExecute: true, dirty: true });
  large(TEXT, 0x100_0000n, { write: false });
  pages(RODATA, BigInt(AT.rodata), RODATA_BYTES, { write: false, noExecute: true });
  pages(DATA, BigInt(AT.data), DATA_BYTES, { ...NO_CODE, dirty: true });
  pages(OWN_ROOT, AT.kernelTables, 0x1000, { ...NO_CODE, dirty: true });
  pages(MODULE, AT.module, 0x1000, { write: false });
  pages(MODULE + PAGE, AT.moduleData, 0x1000, NO_CODE);
}

function mapProcesses(init: TableBuilder, shell: TableBuilder): void {
  const map = (tables: TableBuilder, address: bigint, physical: bigint, flags: EntryFlags): void =>
    tables.map(address, physical, { levels: { 1: { accessed: true, ...flags } } });
  for (const tables of [init, shell]) map(tables, 0x40_0000n, AT.shared, { write: false });
  map(init, 0x60_0000n, AT.heap, { noExecute: true, dirty: true });
  // Page 7 of swap area 0, as __swp_entry() makes it.
  map(init, 0x60_1000n, 0n, {});
  init.poke(init.entryAddress(0x60_1000n, 1), (~7n << 9n) & 0x07ff_ffff_ffff_fe00n);
  map(init, 0x7fff_0000_0000n, AT.stack, { noExecute: true, dirty: true });
  map(init, 0x7fff_f000_0000n, AT.vdso, { write: false });
  map(shell, 0x7000_0000_0000n, AT.shellOwn, { noExecute: true, accessed: false });
}

function readOnlyData({ fillers = FILLERS, types = {}, symbols: more = [] }: LinuxOddities): Buffer {
  const bytes = Buffer.alloc(RODATA_BYTES);
  const btf = types && builtTypes(types);
  const note = Buffer.alloc(16);
  note.writeUInt32LE(4, 0);
  note.writeUInt32LE(BUILD_ID.length, 4);
  note.writeUInt32LE(3, 8);
  note.write('GNU\0', 12, 'latin1');
  const notes = Buffer.concat([note, BUILD_ID]);
  bytes.write(BANNER, 0, 'latin1');
  bytes.set(notes, 0x100);
  if (btf) bytes.set(btf, 0x200);
  if (btf && 0x200 + btf.length > 0x2000) throw new RangeError('the type information needs more room');
  const place = (at: number): bigint => RODATA + BigInt(at);
  const data = (at: number): bigint => DATA + BigInt(at);
  const ofTypes: readonly BuiltSymbol[] = btf
    ? [
        { name: '__start_BTF', type: 'R', address: place(0x200) },
        { name: '__stop_BTF', type: 'R', address: place(0x200 + btf.length) },
      ]
    : [];
  const symbols: readonly BuiltSymbol[] = [
    { name: '_stext', type: 'T', address: TEXT },
    { name: '_text', type: 'T', address: TEXT },
    { name: 'start_kernel', type: 'T', address: SMALL_LINUX.startKernel },
    { name: 'do_idle', type: 't', address: SMALL_LINUX.doIdle },
    ...Array.from({ length: fillers }, (_, at) => {
      return { name: `f${String(at).padStart(4, '0')}`, type: 't', address: TEXT + 0x100n + 0x10n * BigInt(at) };
    }),
    { name: '_etext', type: 'T', address: RODATA },
    { name: '__start_rodata', type: 'R', address: RODATA },
    { name: 'linux_banner', type: 'R', address: RODATA },
    { name: '__start_notes', type: 'R', address: place(0x100) },
    { name: '__stop_notes', type: 'R', address: place(0x100 + notes.length) },
    ...ofTypes,
    { name: '__end_rodata', type: 'R', address: RODATA + BigInt(RODATA_BYTES) },
    { name: '_sdata', type: 'D', address: DATA },
    { name: 'page_offset_base', type: 'D', address: data(IN_DATA.pageOffsetBase) },
    { name: 'vmalloc_base', type: 'D', address: data(IN_DATA.vmallocBase) },
    { name: 'vmemmap_base', type: 'D', address: data(IN_DATA.vmemmapBase) },
    { name: 'nr_swapfiles', type: 'b', address: data(IN_DATA.swapFiles) },
    { name: 'modules', type: 'd', address: data(IN_DATA.modules) },
    { name: 'special_mapping_vmops', type: 'd', address: data(IN_DATA.specialOperations) },
    { name: 'boot_cpu_data', type: 'D', address: data(IN_DATA.cpu) },
    { name: 'init_task', type: 'D', address: data(IN_DATA.tasks) },
    { name: '_edata', type: 'D', address: OWN_ROOT },
    { name: 'swapper_pg_dir', type: 'D', address: OWN_ROOT },
    { name: '_end', type: 'B', address: OWN_ROOT + PAGE },
    ...more,
  ].sort((one, other) => (one.address < other.address ? -1 : one.address > other.address ? 1 : 0));
  const tables = buildKallsyms(symbols, place(0x2000), { form: 'base', order: 'names-first', wordBytes: 8 });
  if (0x2000 + tables.length > RODATA_BYTES) throw new RangeError('the symbols need more room');
  bytes.set(tables, 0x2000);
  return bytes;
}

function builtTypes(changed: Readonly<Record<string, BuiltMembers | undefined>>): Uint8Array {
  const structures = Object.entries({ ...TYPES, ...changed }).flatMap(([name, members]) =>
    members === undefined ? [] : [[name, members] as const],
  );
  return buildBtf(Object.fromEntries(structures)).bytes;
}

/** Words, and text, at places of the kernel's data. */
class KernelData {
  readonly bytes = Buffer.alloc(DATA_BYTES);

  address(at: number): bigint {
    return DATA + BigInt(at);
  }

  words(at: number, ...values: readonly (bigint | number)[]): void {
    for (const [index, value] of values.entries())
      this.bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), at + 8 * index);
  }

  text(at: number, text: string): bigint {
    this.bytes.write(`${text}\0`, at, 'latin1');
    return this.address(at);
  }
}

function kernelData(odd: LinuxOddities): Buffer {
  const { isIsolated, isCutOff, hasLostRoot, areModulesDamaged, words = {} } = odd;
  const data = new KernelData();
  data.words(IN_DATA.pageOffsetBase, DIRECT, 0xffff_c900_0000_0000n, 0xffff_ea00_0000_0000n, 1);
  // X86_FEATURE_PTI: word 7, bit 11.
  if (isIsolated) data.bytes.writeUInt32LE(1 << 11, IN_DATA.cpu + 28);
  putSpaces(data, hasLostRoot === true);
  putTasks(data, isCutOff === true);
  putModule(data, areModulesDamaged === true);
  for (const [address, value] of Object.entries(words)) data.words(Number(BigInt(address) - DATA), value);
  return data.bytes;
}

interface BuiltTask {
  readonly pid: number;
  readonly comm: string;
  readonly state?: number;
  readonly exitState?: number;
  readonly mm?: number;
  /** The process that it is a further thread of, by its place. */
  readonly leader?: number;
}

const TASKS: readonly BuiltTask[] = [
  { pid: 0, comm: 'swapper/0' },
  { pid: 1, comm: 'init', state: 1, mm: 0 },
  { pid: 2, comm: 'kthreadd', state: 0x402 },
  { pid: 7, comm: 'sh', mm: 1 },
  { pid: 9, comm: 'gone', exitState: 0x20 },
  { pid: 8, comm: 'sh-worker', state: 2, mm: 1, leader: 3 },
];

function putTasks(data: KernelData, isCutOff: boolean): void {
  const at = (index: number): number => IN_DATA.tasks + TASK_BYTES * index;
  const link = (index: number, member: number): bigint => data.address(at(index) + member);
  const processes = TASKS.flatMap(({ leader }, index) => (leader === undefined ? [index] : []));
  for (const [index, { pid, comm, state = 0, exitState = 0, mm, leader = index }] of TASKS.entries()) {
    const own = at(index);
    data.words(own + TASK.__state, state);
    data.words(own + TASK.mm, mm === undefined ? 0 : data.address(IN_DATA.spaces + 0x100 * mm));
    data.bytes.writeInt32LE(pid, own + TASK.pid);
    data.bytes.writeInt32LE(TASKS[leader]?.pid ?? pid, own + TASK.tgid);
    data.text(own + TASK.comm, comm);
    data.words(own + TASK.signal, data.address(IN_DATA.signals + 0x10 * leader));
    data.words(own + TASK.exit_state, exitState);
    const after = processes[processes.indexOf(index) + 1];
    const next = isCutOff && index === 1 ? 0xffff_dead_0000_0000n : link(after ?? 0, TASK.tasks);
    if (leader === index) data.words(own + TASK.tasks, next);
  }
  for (const process of processes) {
    const threads = TASKS.flatMap(({ leader }, index) => (index === process || leader === process ? [index] : []));
    const head = IN_DATA.signals + 0x10 * process;
    const places = [data.address(head), ...threads.map((index) => link(index, TASK.thread_node)), data.address(head)];
    data.words(head, places[1] ?? 0);
    for (const [index, thread] of threads.entries()) data.words(at(thread) + TASK.thread_node, places[index + 2] ?? 0);
  }
}

/** The address spaces of init and the shell, with their areas, and the path of the file that both have mapped. */
function putSpaces(data: KernelData, hasLostRoot: boolean): void {
  const file = data.address(IN_DATA.files);
  const mount = data.address(IN_DATA.files + 0x100);
  const root = data.address(IN_DATA.files + 0x200);
  const bin = data.address(IN_DATA.files + 0x240);
  const busybox = data.address(IN_DATA.files + 0x280);
  data.words(IN_DATA.files, mount + 24n, busybox);
  data.words(IN_DATA.files + 0x100, 0, mount, 0, root);
  const dentry = (at: bigint, parent: bigint, name: string): void => {
    const place = Number(at - DATA);
    data.words(place, parent, BigInt(name.length) << 32n, data.text(place + 0x20, name));
  };
  dentry(root, root, '/');
  dentry(bin, root, 'bin');
  dentry(busybox, bin, 'busybox');
  const vdso = IN_DATA.files + 0x300;
  data.words(vdso, data.text(vdso + 8, '[vdso]'));
  const operations = data.address(IN_DATA.specialOperations);
  const areasOfInit = [
    [0x40_0000, 0x40_1000, file, 0n, 0n],
    [0x60_0000, 0x60_2000, 0n, 0n, 0n],
    [0x7fff_0000_0000, 0x7fff_0000_1000, 0n, 0n, 0n],
    [0x7fff_f000_0000, 0x7fff_f000_1000, 0n, operations, data.address(vdso)],
  ] as const;
  const areasOfShell = [
    [0x40_0000, 0x40_1000, file, 0n, 0n],
    [0x7000_0000_0000, 0x7000_0000_1000, 0n, 0n, 0n],
  ] as const;
  const put = (first: number, areas: typeof areasOfInit | typeof areasOfShell): bigint => {
    for (const [at, [from, to, ...rest]] of areas.entries()) {
      const next = at + 1 === areas.length ? 0n : data.address(first + AREA_BYTES * (at + 1));
      data.words(first + AREA_BYTES * at, from, to, next, ...rest);
    }
    return data.address(first);
  };
  const space = (at: number, pgd: bigint, resident: readonly number[], marks: readonly number[], areas: bigint): void =>
    data.words(IN_DATA.spaces + 0x100 * at, pgd, ...resident, 0, 0, 0, areas, ...marks);
  const ofInit = put(IN_DATA.areas, areasOfInit);
  space(0, DIRECT + AT.initTables, [1, 2, 50, -1], [0x60_0000, 0x60_2000, 0x7fff_0000_0800], ofInit);
  const rootOfShell = hasLostRoot ? 0xffff_dead_0000_0000n : DIRECT + AT.shellTables;
  space(1, rootOfShell, [300, 0, 0, 5], [0, 0, 0], put(IN_DATA.areas + 0x400, areasOfShell));
}

/** One that has two symbols: `probe` in its code, and one of no name. */
function putModule(data: KernelData, isDamaged: boolean): void {
  const first = IN_DATA.modulesFirst;
  const list = data.address(first + 8);
  const head = data.address(IN_DATA.modules);
  data.words(IN_DATA.modules, list, list);
  data.words(first, 0, isDamaged ? list : head, head);
  data.text(first + 24, 'toy_module');
  data.words(first + 96, MODULE, 0x2000, data.address(first + 0x100));
  const [symbols, names, types] = [first + 0x200, first + 0x300, first + 0x400];
  data.words(first + 0x100, data.address(symbols), 3, data.address(names), data.address(types));
  data.bytes.write('\0probe\0toy_state\0', names, 'latin1');
  data.bytes.write('?td', types, 'latin1');
  const symbol = (at: number, name: number, address: bigint): void => {
    data.bytes.writeUInt32LE(name, symbols + 24 * at);
    data.bytes.writeUInt16LE(1, symbols + 24 * at + 6);
    data.words(symbols + 24 * at + 8, address, 0x10);
  };
  symbol(1, 1, MODULE + 0x10n);
  symbol(2, 7, MODULE + PAGE);
}
