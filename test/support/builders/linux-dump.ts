import { buildElf, type NotedRegisters } from '../../../scripts/parsers/dumps/build-dump.ts';
import { type BuiltMembers, buildBtf } from '../linux/build-btf.ts';
import { type BuiltSymbol, buildKallsyms } from '../linux/build-kallsyms.ts';

/** Where the Linux in the dump has what tests ask for. */
export const SMALL_LINUX = {
  text: 0xffff_ffff_8100_0000n,
  readOnly: 0xffff_ffff_8120_0000n,
  data: 0xffff_ffff_8140_0000n,
  doExit: 0xffff_ffff_8104_0000n,
  /** A page of the module. */
  module: 0xffff_ffff_c000_0000n,
  /** Physical memory from 0 on. */
  directMap: 0xffff_8880_0000_0000n,
  /** Of the kernel alone, and of the process 91. */
  kernelRoot: 0x1000n,
  shellRoot: 0x8000n,
  banner: 'Linux version 6.1.0-small (build@host) #1 SMP',
} as const;

/** What makes one Linux another one. */
export interface SmallLinux {
  /** Structures that its type information has besides, or undefined for those that it lacks; null for a kernel without any. */
  readonly types?: Readonly<Record<string, BuiltMembers | undefined>> | null;
  /** Symbols besides. */
  readonly symbols?: readonly BuiltSymbol[];
  /** Words that are put somewhere else in its memory, by linear addresses of its data. */
  readonly words?: Readonly<Record<string, bigint>>;
}

/** Where its structures have their members. A list of areas is what kernels before 6.1 have. */
const TYPES: Readonly<Record<string, BuiltMembers>> = {
  task_struct: {
    ...{ __state: 0x00, tasks: 0x10, pid: 0x20, tgid: 0x24, mm: 0x28, exit_state: 0x30, signal: 0x38 },
    ...{ thread_node: 0x40, comm: 0x50 },
  },
  signal_struct: { thread_head: 0x08 },
  mm_struct: {
    ...{ pgd: 0x08, mmap: 0x10, start_brk: 0x18, brk: 0x20, start_stack: 0x28 },
    rss_stat: { at: 0x40, of: { count: { at: 0, count: 4 } } },
  },
  vm_area_struct: { vm_start: 0, vm_end: 8, vm_next: 16, vm_file: 24, vm_ops: 32, vm_private_data: 40 },
  vm_special_mapping: { name: 0 },
  file: { f_path: { at: 0, of: { mnt: 0, dentry: 8 } } },
  dentry: { d_parent: 0, d_name: { at: 8, of: { len: 0, name: 8 } } },
  vfsmount: { mnt_root: 0 },
  mount: { mnt_parent: 0, mnt_mountpoint: 8, mnt: { at: 16, of: { mnt_root: 0 } } },
  module: { list: 0x08, state: 0x00, name: 0x18, kallsyms: 0x60, core_layout: { at: 0x70, of: { base: 0, size: 8 } } },
  mod_kallsyms: { symtab: 0, num_symtab: 8, strtab: 16, typetab: 24 },
};

const BYTES = 0x8_0000;
const READ_ONLY_AT = 0x2_0000;
const DATA_AT = 0x6_0000;
const DATA_BYTES = 0x1_0000;
const BTF_OFFSET = 0x1000;
const KALLSYMS_OFFSET = 0x3000;
const NO_EXECUTE = 1n << 63n;
const CODE_64 = 0x00af_9b00;
const USER_STACK = 3 << 13;
const FILLERS = 4000;

const KERNEL_CPU: NotedRegisters = {
  cr0: 0x8001_0011n,
  cr3: SMALL_LINUX.kernelRoot,
  cr4: 0x20n,
  rip: SMALL_LINUX.doExit + 0x10n,
  csFlags: CODE_64,
  idt: SMALL_LINUX.data,
};
const USER_CPU: NotedRegisters = {
  ...KERNEL_CPU,
  cr3: SMALL_LINUX.shellRoot,
  rip: 0x40_0010n,
  ssFlags: USER_STACK,
};

/** What each thing in the data of the kernel is, by its offset there. */
const AT = {
  init: 0x1000,
  shell: 0x1100,
  worker: 0x1200,
  twins: [0x1300, 0x1400],
  thread: 0x1500,
  ended: 0x1600,
  signal: 0x1700,
  shellMm: 0x2000,
  twinMm: 0x2200,
  areas: [0x3000, 0x3040, 0x3080, 0x30c0, 0x3100],
  special: 0x3200,
  file: 0x4000,
  dentries: [0x4100, 0x4140, 0x4180],
  mount: 0x4200,
  names: 0x4300,
  modules: 0x5000,
  module: 0x5100,
  moduleTables: 0x5200,
  moduleSymbols: 0x5300,
} as const;

/**
 * An ELF core of a guest with a small Linux in it: a kernel with its symbols and types, the processes 0 to 2, one with a second thread,
 * two of one name, one that has ended, and a module. vCPU 0 is in the kernel, vCPU 1 in user code of process 91, whose areas are a
 * file, a heap, one without a name, one of the kernel's own and a stack.
 */
export function linuxDump({ types = {}, symbols = [], words = {} }: SmallLinux = {}): Buffer {
  const memory = Buffer.alloc(BYTES);
  const data = (offset: number): bigint => SMALL_LINUX.data + BigInt(offset);
  const word = (offset: number, ...values: readonly (bigint | number)[]): void => {
    for (const [at, value] of values.entries()) memory.writeBigUInt64LE(BigInt(value), DATA_AT + offset + 8 * at);
  };
  const text = (offset: number, value: string): bigint => {
    memory.write(`${value}\0`, DATA_AT + offset, 'latin1');
    return data(offset);
  };
  mapMemory(memory);
  putTasks(memory, word, data);
  putAreas(word, text, data);
  putModule(memory, word, text, data);
  for (const [address, value] of Object.entries(words)) word(Number(BigInt(address) - SMALL_LINUX.data), value);
  putReadOnly(memory, types, symbols);
  return buildElf({ memory: [{ address: 0, bytes: memory }], vcpus: [KERNEL_CPU, USER_CPU] });
}

type PutWords = (offset: number, ...values: readonly (bigint | number)[]) => void;
type PutText = (offset: number, value: string) => bigint;
type AddressOf = (offset: number) => bigint;

/** The kernel's tables at 0x1000, those of process 91 at 0x8000, which lead to the same upper half. */
function mapMemory(memory: Buffer): void {
  const set = (table: number, index: number, value: bigint | number): void =>
    void memory.writeBigUInt64LE(BigInt(value), table + 8 * index);
  for (const root of [0x1000, 0x8000]) {
    set(root, 273, 0x2063);
    set(root, 511, 0x3063);
  }
  set(0x2000, 0, 0x7063);
  set(0x7000, 0, NO_EXECUTE | 0x0000_01e3n);
  set(0x7000, 1, NO_EXECUTE | 0x0020_01e3n);
  set(0x3000, 510, 0x4063);
  set(0x3000, 511, 0x1_6063);
  set(0x1_6000, 0, 0x1_7063);
  set(0x1_7000, 0, 0x6_8121);
  // The text, which is not in the dump.
  set(0x4000, 8, 0x20_01a1);
  set(0x4000, 9, 0x5063);
  set(0x4000, 10, 0x6063);
  const page = BigInt(0x1000);
  for (let at = 0n; at < BigInt((DATA_AT - READ_ONLY_AT) / 0x1000); at += 1n)
    set(0x5000, Number(at), NO_EXECUTE | (BigInt(READ_ONLY_AT) + at * page) | 0x121n);
  for (let at = 0n; at < BigInt(DATA_BYTES / 0x1000); at += 1n)
    set(0x6000, Number(at), NO_EXECUTE | (BigInt(DATA_AT) + at * page) | 0x163n);
  // swapper_pg_dir
  set(0x6000, DATA_BYTES / 0x1000, NO_EXECUTE | 0x1163n);
  set(0x8000, 0, 0xa067);
  set(0xa000, 0, 0xb067);
  set(0xa000, 1, 0xe067);
  set(0xb000, 2, 0xc067);
  set(0xb000, 3, 0xd067);
  set(0xc000, 0, 0x1_0025);
  set(0xd000, 0, NO_EXECUTE | 0x1_1067n);
  set(0xd000, 256, NO_EXECUTE | 0x1_2047n);
  set(0xe000, 511, 0xf067);
  set(0xf000, 510, NO_EXECUTE | 0x1_3025n);
  set(0xf000, 511, NO_EXECUTE | 0x1_4067n);
}

function putTasks(memory: Buffer, word: PutWords, data: AddressOf): void {
  const { init, shell, worker, twins, thread, ended, signal, shellMm, twinMm } = AT;
  const [twin, other] = twins;
  const order: readonly number[] = [init, shell, worker, twin, other, ended];
  const task = (at: number, pid: number, tgid: number, comm: string, state: number, mm: number, exit = 0): void => {
    const next = order[(order.indexOf(at) + 1) % order.length] ?? init;
    word(at, state);
    if (order.includes(at)) word(at + 0x10, data(next + 0x10));
    memory.writeInt32LE(pid, DATA_AT + at + 0x20);
    memory.writeInt32LE(tgid, DATA_AT + at + 0x24);
    word(at + 0x28, mm === 0 ? 0n : data(mm), exit);
    memory.write(comm, DATA_AT + at + 0x50, 'latin1');
  };
  task(init, 0, 0, 'swapper/0', 0, 0);
  task(shell, 91, 91, 'bash', 1, shellMm);
  task(worker, 2, 2, 'kworker/0:0', 0x402, 0);
  task(twin, 100, 100, 'twin', 1, twinMm);
  task(other, 101, 101, 'twin', 2, twinMm);
  task(thread, 93, 91, 'bash-io', 0, shellMm);
  task(ended, 105, 105, 'gone', 0, 0, 0x20);
  word(shell + 0x38, data(signal), data(thread + 0x40));
  word(thread + 0x38, data(signal), data(signal + 0x08));
  word(signal + 0x08, data(shell + 0x40));
  word(shellMm + 0x08, SMALL_LINUX.directMap + SMALL_LINUX.shellRoot);
  word(shellMm + 0x40, 5, 7, 100, 1);
  // Tables that are mapped nowhere.
  word(twinMm + 0x08, 0xdead_0000);
}

function putAreas(word: PutWords, text: PutText, data: AddressOf): void {
  const { shellMm, areas, special, file, dentries, mount, names } = AT;
  const [root, folder, program] = dentries;
  word(shellMm + 0x10, data(areas[0]), 0x60_0000, 0x60_1000, 0x7fff_f800);
  const area = (at: number, first: number, end: number, ofFile = 0n, operations = 0n, own = 0n): void =>
    word(areas[at] ?? 0, first, end, data(areas[at + 1] ?? 0), ofFile, operations, own);
  area(0, 0x40_0000, 0x40_1000, data(file));
  area(1, 0x60_0000, 0x60_1000);
  area(2, 0x70_0000, 0x70_1000);
  area(3, 0x7fff_e000, 0x7fff_f000, 0n, data(special + 0x40), data(special));
  area(4, 0x7fff_f000, 0x8000_0000);
  word(areas[4] + 16, 0);
  word(special, text(names, '[vdso]'));
  word(file, data(mount + 16), data(program));
  const dentry = (at: number, parent: number, name: bigint, length: number): void =>
    word(at, data(parent), length, name);
  dentry(root, root, text(names + 0x10, '/'), 1);
  dentry(folder, root, text(names + 0x20, 'bin'), 3);
  dentry(program, folder, text(names + 0x30, 'sh'), 2);
  word(mount, data(mount), data(root), data(root));
}

/** Of one function. */
function putModule(memory: Buffer, word: PutWords, text: PutText, data: AddressOf): void {
  const { modules, module, moduleTables, moduleSymbols } = AT;
  word(modules, data(module + 8));
  word(module, 0, data(modules));
  text(module + 0x18, 'small');
  word(module + 0x60, data(moduleTables));
  word(module + 0x70, SMALL_LINUX.module, 0x1000);
  word(moduleTables, data(moduleSymbols), 2, data(moduleSymbols + 0x100), data(moduleSymbols + 0x200));
  // The first is none, the second small_init in section 1.
  word(moduleSymbols + 24, 1n | (1n << 48n), SMALL_LINUX.module + 0x10n, 0x20);
  text(moduleSymbols + 0x101, 'small_init');
  memory.write('?t', DATA_AT + moduleSymbols + 0x200, 'latin1');
}

function putReadOnly(memory: Buffer, types: SmallLinux['types'], more: readonly BuiltSymbol[]): void {
  const { text, readOnly, data, doExit, banner } = SMALL_LINUX;
  const put = (offset: number, bytes: Uint8Array): void => void memory.set(bytes, READ_ONLY_AT + offset);
  put(0x10, Buffer.from(`${banner}\n\0`, 'latin1'));
  put(0x100, Buffer.from('040000001400000003000000474e5500', 'hex'));
  put(0x110, Buffer.from('00112233445566778899aabbccddeeff01234567', 'hex'));
  const btf = types && builtTypes(types);
  if (btf) put(BTF_OFFSET, btf);
  const named = (name: string, address: bigint, type = 'D'): BuiltSymbol => ({ name, type, address });
  const fillers = Array.from({ length: FILLERS }, (_, at) => named(`f${at}`, text + 0x40n * BigInt(at + 1), 't'));
  const ofTypes = btf
    ? [
        named('__start_BTF', readOnly + BigInt(BTF_OFFSET), 'R'),
        named('__stop_BTF', readOnly + BigInt(BTF_OFFSET + btf.length), 'R'),
      ]
    : [];
  const symbols = [
    ...[named('_stext', text, 'T'), named('_text', text, 'T'), ...fillers],
    ...[
      named('do_exit', doExit, 'T'),
      named('do_group_exit', doExit + 0xb30n, 'T'),
      named('_etext', text + 0x20_0000n),
    ],
    ...[named('__start_rodata', readOnly, 'R'), named('__start_notes', readOnly + 0x100n, 'R')],
    ...[named('__stop_notes', readOnly + 0x124n, 'R'), ...ofTypes, named('__end_rodata', readOnly + 0x4_0000n, 'R')],
    ...[named('_sdata', data), named('init_task', data + BigInt(AT.init)), named('modules', data + BigInt(AT.modules))],
    named('special_mapping_vmops', data + BigInt(AT.special + 0x40)),
    ...[named('_edata', data + BigInt(DATA_BYTES)), named('swapper_pg_dir', data + BigInt(DATA_BYTES), 'B')],
    named('_end', data + BigInt(DATA_BYTES + 0x1000), 'B'),
    ...more,
  ].sort((one, other) => (one.address < other.address ? -1 : one.address > other.address ? 1 : 0));
  const shape = { form: 'base', order: 'names-first', wordBytes: 8 } as const;
  const kallsyms = buildKallsyms(symbols, readOnly + BigInt(KALLSYMS_OFFSET), shape);
  if (READ_ONLY_AT + KALLSYMS_OFFSET + kallsyms.length > DATA_AT) throw new RangeError('too many symbols');
  put(KALLSYMS_OFFSET, kallsyms);
}

function builtTypes(changed: Readonly<Record<string, BuiltMembers | undefined>>): Uint8Array {
  const structures = Object.entries({ ...TYPES, ...changed }).flatMap(([name, members]) =>
    members === undefined ? [] : [[name, members] as const],
  );
  return buildBtf(Object.fromEntries(structures)).bytes;
}
