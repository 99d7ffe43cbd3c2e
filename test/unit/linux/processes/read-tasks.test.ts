import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { readSymbolsFile } from '../../../../src/cli/io/symbols-file.ts';
import { LinuxDataError, LinuxLookupError } from '../../../../src/linux/errors.ts';
import type { KernelNames } from '../../../../src/linux/kernel/kernel-names.ts';
import { Linux } from '../../../../src/linux/linux.ts';
import type { AddressSpace } from '../../../../src/linux/memory/address-space.ts';
import { readTasks } from '../../../../src/linux/processes/read-tasks.ts';
import { Btf } from '../../../../src/linux/types/btf.ts';
import { buildBtf } from '../../../support/linux/build-btf.ts';
import { FlatMemory } from '../../../support/linux/flat-memory.ts';

/** A list of tasks as a compiler lays it out, with type information by the same compiler: members, padding, anonymous structures. */
const SOURCE = `
struct list_head { struct list_head *next, *prev; };
struct signal_struct { int count; struct list_head thread_head; };
struct percpu_counter { int lock; long long count; void *counters; };
typedef struct { int counter; } not_looked_at;
struct mm_struct { struct { not_looked_at a; char pad[37]; union { void *other; unsigned long *pgd; }; struct percpu_counter rss_stat[4]; }; };
struct task_struct { char first[13]; const volatile unsigned int __state; struct list_head tasks; int exit_state; struct mm_struct *mm;
  struct { struct { int pid; int tgid; }; }; unsigned odd : 3, bits : 5; struct signal_struct *signal; struct list_head thread_node; char comm[16]; };
struct cpuinfo_x86 { char first[3]; unsigned x86_capability[12]; };
struct cpuinfo_x86 boot_cpu_data = { .x86_capability = { [7] = 1u << 11 } };
unsigned long tables[2][512] __attribute__((aligned(4096)));
extern struct task_struct init_task, shell, idle, second, third;
extern struct signal_struct shell_signal;
struct mm_struct shell_mm = { .pgd = tables[1], .rss_stat = { { .count = 5 }, { .count = 7 }, { .count = 100 }, { .count = -1 } } };
struct task_struct init_task = { .comm = "swapper/0", .tasks = { &shell.tasks, &idle.tasks } };
struct signal_struct shell_signal = { .thread_head = { &shell.thread_node, &third.thread_node } };
struct task_struct second = { .__state = 1, .pid = 93, .tgid = 91, .comm = "worker", .mm = &shell_mm, .signal = &shell_signal, .thread_node = { &third.thread_node, 0 } };
struct task_struct third = { .pid = 94, .tgid = 91, .comm = "worker", .mm = &shell_mm, .signal = &shell_signal, .thread_node = { &shell_signal.thread_head, 0 } };
struct task_struct shell = { .signal = &shell_signal, .thread_node = { &second.thread_node, 0 }, .__state = 1, .pid = 91, .tgid = 91, .comm = "bash", .mm = &shell_mm, .tasks = { &idle.tasks, &init_task.tasks } };
struct task_struct idle = { .__state = 0x402, .pid = 2, .tgid = 2, .comm = "kworker", .tasks = { &init_task.tasks, &shell.tasks } };
void _start(void) { }
`;

/** The bytes of a section, where the linker has put it. */
interface Linked {
  readonly names: KernelNames;
  readonly data: Uint8Array;
  readonly first: bigint;
}

describe('linux/readTasks', () => {
  let folder = '';
  let linked: Linked;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'pagewalk-'));
    const file = (name: string): string => join(folder, name);
    writeFileSync(file('a.c'), SOURCE);
    execFileSync('gcc', ['-gbtf', '-O0', '-c', '-fno-pie', file('a.c'), '-o', file('a.o')]);
    execFileSync('gcc', ['-nostdlib', '-static', '-no-pie', '-Wl,-Tbss=0x800000', file('a.o'), '-o', file('a')]);
    execFileSync('objcopy', [
      '-O',
      'binary',
      '--only-section=.BTF',
      '--set-section-flags',
      '.BTF=alloc',
      file('a.o'),
      file('btf'),
    ]);
    execFileSync('objcopy', ['-O', 'binary', '--only-section=.data', file('a'), file('data')]);
    const [symbols = null] = readSymbolsFile(file('a'));
    const first = symbols?.addressOf('data_start') ?? symbols?.addressOf('boot_cpu_data') ?? 0n;
    const data = new Uint8Array(readFileSync(file('data')));
    const btf = new Btf(new Uint8Array(readFileSync(file('btf'))));
    const starts = [...(symbols ?? [])].filter(({ type }) => /d/i.test(type)).map(({ address }) => address);
    const names = {
      wordBytes: 8,
      textFirst: 0n,
      symbols,
      btf,
      layout: null,
      banner: null,
      buildId: null,
      missing: [],
    } as const;
    linked = { names, data, first: starts.sort()[0] ?? first };
  });

  after(() => rmSync(folder, { recursive: true }));

  /** Linear memory that is the section and nothing else; tables lead where they lie. */
  const spaceOf = (data: Uint8Array): AddressSpace => {
    const memory = new FlatMemory();
    memory.bytes(Number(linked.first), data);
    return memory.space;
  };
  const place = (name: string): bigint => linked.names.symbols?.addressOf(name) ?? 0n;

  it('reads every task by the layout that the compiler has chosen', async () => {
    const { tasks, problem } = await readTasks(linked.names, spaceOf(linked.data));
    const root = place('tables') + 4096n;
    const kernel = { mm: null, cr3: null, userCr3: null, residentPages: null };
    expect(problem).to.equal(null);
    expect(tasks).to.deep.equal([
      { pid: 0, tgid: 0, comm: 'swapper/0', state: 'R', address: place('init_task'), ...kernel },
      {
        ...{ pid: 91, tgid: 91, comm: 'bash', state: 'S', address: place('shell'), mm: place('shell_mm') },
        ...{ cr3: root, userCr3: root + 0x1000n, residentPages: 12 },
      },
      { pid: 2, tgid: 2, comm: 'kworker', state: 'I', address: place('idle'), ...kernel },
    ]);
  });

  const withNext = (of: string, next: bigint): Uint8Array => {
    const data = linked.data.slice();
    const offset = linked.names.btf?.offsetOf('task_struct', 'tasks') ?? 0;
    new DataView(data.buffer).setBigUint64(Number(place(of) - linked.first) + offset, next, true);
    return data;
  };

  it('ends at a list that runs in a circle, and says so', async () => {
    const offset = BigInt(linked.names.btf?.offsetOf('task_struct', 'tasks') ?? 0);
    const { tasks, problem } = await readTasks(linked.names, spaceOf(withNext('idle', place('shell') + offset)));
    expect(tasks.map(({ pid }) => pid)).to.deep.equal([0, 91, 2]);
    expect(problem).to.equal('the list of tasks runs in a circle after 3 of them');
  });

  it('ends at a list that leads out of memory, and says so', async () => {
    const { tasks, problem } = await readTasks(linked.names, spaceOf(withNext('shell', 0xdead_0000_0000n)));
    expect(tasks.map(({ pid }) => pid)).to.deep.equal([0, 91]);
    expect(problem).to.match(/^the list of tasks leads to 0xdea[0-9a-f]+, where no memory is mapped, after 2 of them$/);
  });

  it('has the threads of each process behind it, and says where their list is damaged', async () => {
    const linux = new Linux(linked.names, spaceOf(linked.data));
    const threads = await linux.threads();
    expect(threads.map(({ pid, tgid, state }) => [pid, tgid, state])).to.deep.equal([
      [0, 0, 'R'],
      [91, 91, 'S'],
      [93, 91, 'S'],
      [94, 91, 'R'],
      [2, 2, 'I'],
    ]);
    const [, shell, second] = threads;
    expect(second).to.include({ cr3: shell?.cr3, mm: shell?.mm, comm: 'worker', residentPages: 12 });
    expect(await linux.process(94)).to.include({ comm: 'worker', address: place('third') });
    const data = linked.data.slice();
    const offset = linked.names.btf?.offsetOf('task_struct', 'thread_node') ?? 0;
    // Back to one that was there.
    new DataView(data.buffer).setBigUint64(
      Number(place('third') - linked.first) + offset,
      place('second') + BigInt(offset),
      true,
    );
    const damaged = await new Linux(linked.names, spaceOf(data)).threadList();
    expect(damaged.tasks.map(({ pid }) => pid)).to.deep.equal([0, 91, 93, 94, 2]);
    expect(damaged.problem).to.equal('the list of threads of process 91 bash is damaged');
  });

  it('finds whose address space it is where the first thread of the process has ended', async () => {
    const data = linked.data.slice();
    const offset = linked.names.btf?.offsetOf('task_struct', 'mm') ?? 0;
    new DataView(data.buffer).setBigUint64(Number(place('shell') - linked.first) + offset, 0n, true);
    const owner = await new Linux(linked.names, spaceOf(data)).ownerOf(place('tables') + 4096n);
    expect(owner).to.deep.include({ kind: 'process' });
    expect(owner?.kind === 'process' && owner.task.pid).to.equal(93);
  });

  it('is refused by who wants all of it where it is not whole, and a process that is missing may be behind its end', async () => {
    const linux = new Linux(linked.names, spaceOf(withNext('shell', 0xdead_0000_0000n)));
    expect(await linux.process('bash')).to.include({ pid: 91 });
    for (const [ask, kind] of [
      [() => linux.tasks(), LinuxDataError],
      [() => linux.process(2), LinuxLookupError],
    ] as const) {
      const refused = await ask().catch((error: unknown) => error);
      expect(refused).to.be.instanceOf(kind);
      expect(String(refused)).to.contain('where no memory is mapped, after 2 of them');
    }
  });

  it('is not read where a task is larger than in any kernel', async () => {
    const { btf, ...names } = linked.names;
    const members = ['tasks', 'pid', 'tgid', 'comm', 'mm', '__state', 'exit_state'];
    const near = Object.fromEntries(members.map((name) => [name, btf?.offsetOf('task_struct', name) ?? 0]));
    const large = { ...names, btf: buildBtf({ task_struct: { ...near, exit_state: 70_000 } }) };
    const refused = await readTasks(large, spaceOf(linked.data)).catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(LinuxDataError);
    expect(String(refused)).to.contain('a task has 70016 bytes by the type information, more than in any kernel');
  });

  it('says why there is none', async () => {
    const names = { ...linked.names, btf: null, missing: ['no types'] };
    const refused = await readTasks(names, spaceOf(linked.data)).catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(LinuxDataError);
    expect(String(refused)).to.contain('no types');
  });

  describe('type information', () => {
    it('knows members, those of anonymous structures, and bit fields', () => {
      const { btf } = linked.names;
      expect(btf?.offsetOf('mm_struct', 'rss_stat')).to.be.greaterThan(44);
      expect(btf?.findMember('task_struct', 'bits')).to.not.equal(undefined);
      expect(btf?.offsetOf('task_struct', 'tasks.prev')).to.equal((btf?.offsetOf('task_struct', 'tasks') ?? 0) + 8);
      expect(() => btf?.offsetOf('task_struct', 'nothing')).to.throw(
        LinuxLookupError,
        'no member nothing of task_struct',
      );
      expect(() => btf?.offsetOf('nothing', 'a')).to.throw(LinuxLookupError, 'no structure nothing');
    });

    it('has no member that is further from the beginning than any structure is long', () => {
      const btf = buildBtf({ task_struct: { near: (1 << 20) - 8, far: 1 << 20 } });
      expect(btf.offsetOf('task_struct', 'near')).to.equal((1 << 20) - 8);
      expect(() => btf.offsetOf('task_struct', 'far')).to.throw(LinuxLookupError, 'no member far of task_struct');
    });

    it('is not held up by structures that multiply, nor by an array of itself', () => {
      const depth = 16;
      const members = 64;
      // Each structure has nothing but anonymous ones of the next type; the last type is an array of itself.
      const structures = Array.from({ length: depth }, (_, index) => {
        const own = [index === 0 ? 1 : 0, (4 << 24) | members, 8];
        return [...own, ...Array.from({ length: members }, () => [0, index + 2, 0]).flat()];
      });
      const types = Uint32Array.from([...structures.flat(), 0, 3 << 24, 0, depth + 1, depth + 1, 2]);
      const strings = Buffer.from('\0bomb\0');
      const header = Buffer.alloc(24);
      header.writeUInt16LE(0xeb9f, 0);
      for (const [at, value] of [
        [4, 24],
        [12, types.byteLength],
        [16, types.byteLength],
        [20, strings.length],
      ] as const) {
        header.writeUInt32LE(value, at);
      }
      const bomb = new Btf(new Uint8Array(Buffer.concat([header, new Uint8Array(types.buffer), strings])));
      expect(() => bomb.offsetOf('bomb', 'a')).to.throw(LinuxDataError, 'more work than any kernel needs');
      expect(bomb.sizeOf(depth + 1)).to.equal(0);
    });

    it('that is damaged ends in an error, or in nothing', () => {
      const good = linked.names.btf?.bytes ?? new Uint8Array();
      for (let at = 0; at < good.length; at += 3) {
        const bytes = good.slice();
        bytes[at] = (bytes[at] ?? 0) ^ 0xff;
        try {
          new Btf(bytes).findMember('task_struct', 'tasks.next');
        } catch (error) {
          expect(error).to.be.instanceOf(LinuxDataError);
        }
        expect(() => new Btf(good.subarray(0, at))).to.throw(LinuxDataError);
      }
    });
  });
});
